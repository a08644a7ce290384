"""Each worker on a machine with several GPUs has its own, in turn; whoever names a device is given it."""

from typing import Any

import pytest
import torch

from autoact.search.executors._devices import environments


@pytest.fixture(autouse=True)
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def given(workers: int, **trainer: Any) -> list[str | None]:
    return [each.get("CUDA_VISIBLE_DEVICES") for each in environments(workers, trainer)]


@pytest.mark.parametrize("accelerator", ["auto", "gpu", "cuda"])
@pytest.mark.parametrize("devices", [1, "1", "auto"])
def test_workers_share_the_gpus_evenly(accelerator: str, devices: int | str) -> None:
    trainer = {"accelerator": accelerator, "devices": devices}
    assert given(5, **trainer) == ["0", "1", "0", "1", "0"]
    assert given(2) == ["0", "1"]
    assert given(1) == ["0"]


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        ("3,1", ["3", "1", "3"]),
        (" GPU-8932f937, GPU-aa11 ", ["GPU-8932f937", "GPU-aa11", "GPU-8932f937"]),
        ("1,2,3", ["1", "2", "1"]),  # a name that does not exist ends the list
    ],
)
def test_of_the_gpus_that_this_process_may_use(
    visible: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert given(3) == expected


@pytest.mark.parametrize("trainer", [{"accelerator": "cpu"}, {"devices": [1]}, {"devices": "1,"}])
def test_whoever_names_a_device_is_given_it(trainer: dict[str, Any]) -> None:
    assert given(2, **trainer) == [None, None]


@pytest.mark.parametrize("visible", [None, ""])
def test_without_gpus_nothing_is_given(visible: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert given(2) == [None, None]
