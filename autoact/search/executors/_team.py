"""Team of processes that train one model together, each on a device of its own."""

import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from typing import Any

from autoact.records import Training
from autoact.search.executors._process import Process
from autoact.search.executors._watchdog import Watchdog
from autoact.search.trainings import Ended, Undone

_ADDRESS = "127.0.0.1"
_MOMENT = 3.0  # seconds, until what is known of a process that has ended is told


class Team:
    """Workers that do the same trainings at the same time, and are one worker to their parent.

    Lightning takes the variables of each for those of a launcher and starts no processes itself. The answer
    of the first one counts; where one fails, the others wait for it for ever, so all are ended.

    Args:
        environment: Variables that each has beside those of this process.
        watchdog: Over their trainings.
        size: How many they are.
    """

    def __init__(self, environment: Mapping[str, str], watchdog: Watchdog, size: int) -> None:
        group = {"MASTER_ADDR": _ADDRESS, "MASTER_PORT": str(_free_port()), "NODE_RANK": "0"}
        self._ranks = [
            Process({**environment, **group, "LOCAL_RANK": str(rank)}, watchdog) for rank in range(size)
        ]

    def alive(self) -> bool:
        """Tell whether all of them run."""
        return all(rank.alive() for rank in self._ranks)

    def begin(self, sent: Any) -> None:
        """Give each what `send` wrote.

        Raises:
            SearchFailedError: One cannot hold it.
        """
        for rank in self._ranks:
            rank.begin(sent)

    def train(self, asked: Sequence[Training], order: bytes) -> Ended:
        """Have them do trainings; the failure that came first is that of all."""
        with ThreadPoolExecutor(len(self._ranks)) as threads:
            answers = [threads.submit(rank.train, asked, order) for rank in self._ranks]
            for answer in as_completed(answers):
                found = answer.result()
                if _has_failed(found):
                    found = self._first_death(answers) or found
                    self.end()
                    return found
        return answers[0].result()

    def _first_death(self, answers: "Sequence[Future[Ended]]") -> Any:
        """Return what is told of a process that has ended by itself, of which others only lost the line."""
        if all(rank.alive() for rank in self._ranks):
            return None
        told = (answers[place] for place, rank in enumerate(self._ranks) if not rank.alive())
        dead = wait(list(told), timeout=_MOMENT).done
        return next((answer.result() for answer in dead), None)

    def end(self) -> None:
        """End all, and what they have started, at once."""
        for rank in self._ranks:
            rank.end()

    def close(self) -> None:
        """Let them end."""
        for rank in self._ranks:
            rank.close()

    def wait(self) -> None:
        """Wait until they have ended."""
        for rank in self._ranks:
            rank.wait()


def _has_failed(found: Ended) -> bool:
    return isinstance(found, Undone) or any(training.raised for training in found)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((_ADDRESS, 0))
        port: int = free.getsockname()[1]
        return port
