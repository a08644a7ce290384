"""The club is Zachary's, Cora is read from its files, and the search runs on either."""

from typing import Any

import numpy as np
import pytest
import torch

from autoact.errors import DataError
from scripts.examples.applications import graph as run


def test_the_club_is_the_one_of_1977() -> None:
    club = run.karate_club()
    degrees = torch.bincount(club.edges.flatten(), minlength=34)
    assert len(club.edges) == len({tuple(sorted(edge)) for edge in club.edges.tolist()}) == 78
    assert degrees[[0, 33, 32, 11]].tolist() == [16, 17, 12, 1]
    assert degrees.min() == 1
    assert club.labels.bincount().tolist() == [17, 17]
    assert club.labels[[0, 33]].tolist() == [0, 1]
    within = (club.labels[club.edges[:, 0]] == club.labels[club.edges[:, 1]]).sum()
    assert within == 67  # eleven friendships across the split


def test_parts_share_no_member_and_have_both_factions() -> None:
    club = run.karate_club()
    assert sorted(torch.cat(club.parts).tolist()) == list(range(34))
    assert [len(part) for part in club.parts] == [10, 8, 16]
    assert all(club.labels[part].float().mean() == 0.5 for part in club.parts)


def test_propagation_is_the_normalized_adjacency() -> None:
    club = run.karate_club()
    dense = torch.eye(34)
    for a, b in club.edges.tolist():
        dense[a, b] = dense[b, a] = 1
    scale = dense.sum(0).rsqrt()
    assert torch.allclose(club.propagation.to_dense(), scale[:, None] * dense * scale)


@pytest.mark.slow
def test_the_search_runs_to_a_verdict_and_a_picture(tmp_path, capsys) -> None:
    run.main(["--short", "--out", str(tmp_path)])
    assert "Verdict:" in capsys.readouterr().out
    assert (tmp_path / "graph" / "report.json").is_file()
    assert (tmp_path / "graph.png").stat().st_size > 10_000


def cora_files(folder, cites="p1 p2\np2 p3\np3 p2\np1 p1\n") -> None:
    papers = [("p1", "1 0 1", "Theory"), ("p2", "0 1 1", "Networks"), ("p3", "0 0 0", "Theory")]
    (folder / "cora.content").write_text("\n".join("\t".join(paper).replace(" ", "\t") for paper in papers))
    (folder / "cora.cites").write_text(cites)


def test_cora_is_read(tmp_path) -> None:
    cora_files(tmp_path)
    graph = run.cora(tmp_path)
    assert graph.features.tolist() == [[0.5, 0, 0.5], [0, 0.5, 0.5], [0, 0, 0]]
    assert graph.labels.tolist() == [1, 0, 1]
    assert graph.edges.tolist() == [[0, 1], [1, 2]]  # each pair once, no paper with itself


def save(path, arrays: dict[str, Any]) -> None:
    np.savez(path, allow_pickle=False, **{name: np.array(values) for name, values in arrays.items()})


def test_cora_is_read_from_arrays(tmp_path) -> None:
    arrays = {
        "feature_rows": [0, 0, 1],
        "feature_cols": [0, 2, 1],
        "num_features": 3,
        "labels": [1, 0, 1],
        "edges": [[0, 1], [1, 0], [2, 1], [2, 2]],
        "train_index": [0],
        "val_index": [1],
        "test_index": [2],
    }
    save(tmp_path / "cora.npz", arrays)
    graph = run.cora(tmp_path)
    assert graph.features.tolist() == [[0.5, 0, 0.5], [0, 1, 0], [0, 0, 0]]
    assert graph.edges.tolist() == [[0, 1], [1, 2]]
    assert [part.tolist() for part in graph.parts] == [[0], [1], [2]]
    del arrays["edges"]
    save(tmp_path / "cora.npz", arrays)
    with pytest.raises(DataError, match=r"cora.npz lacks edges; it must hold feature_rows"):
        run.cora(tmp_path)


@pytest.mark.parametrize(
    ("cites", "message"),
    [("p1 p9\n", "cora.cites, line 1: .* got 'p1 p9'"), ("p1 p2\np1\n", "cora.cites, line 2")],
)
def test_broken_files_are_told_by_line(tmp_path, cites, message) -> None:
    cora_files(tmp_path, cites)
    with pytest.raises(DataError, match=message):
        run.cora(tmp_path)
    (tmp_path / "cora.content").write_text("p1 0 2 Theory\n")
    with pytest.raises(DataError, match=r"cora.content, line 1"):
        run.cora(tmp_path)
    with pytest.raises(DataError, match=r"There is no .*nowhere"):
        run.cora(tmp_path / "nowhere")


def test_a_missing_folder_ends_in_one_line(tmp_path) -> None:
    with pytest.raises(SystemExit, match="--data-dir takes the folder"):
        run.main(["--data-dir", str(tmp_path / "nowhere"), "--out", str(tmp_path)])
