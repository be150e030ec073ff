"""From a volume to labels and their score, through the command and from Python."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
import zarr
from typer.testing import CliRunner

from facies.cli.app import app
from facies.cli.segment import read_ks
from facies.errors import InputError
from facies.methods.voxels import make_voxel_method
from facies.scale import make_engine
from facies.volumes import open_volume
from facies.volumes.evaluation import evaluate_segmentation
from facies.volumes.probe import apply_probe
from facies.volumes.segment import SegmentOptions, open_model, segment_volume
from facies.volumes.segmentation import open_segmentation
from facies.volumes.synthetic import textured_phantom

GREY, CLASSES = textured_phantom((32, 48, 48), blob=8, seed=2)
BANK = [
    "--method",
    "filter-bank",
    "--scale-nm",
    "64",
    "--set",
    "n_scales=2",
    "--voxel-size",
    "8,8,8",
    "--clusters",
    "kmeans",
    "--k",
    "4,5",
]


def facies(*words: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("segment")
    np.savez(folder / "a.npz", grey=GREY, classes=CLASSES)
    facies("segment", f"{folder}/a.npz:grey", "-o", folder / "run", *BANK)
    return folder


def test_textures_are_told_apart_without_labels(folder) -> None:
    measured = json.loads(facies("evaluate", folder / "run", "--labels", f"{folder}/a.npz:classes", "--k", 5, "--json"))
    assert measured["k"] == 5
    assert set(measured["dice_by_class"]) == {"0", "1", "2", "3"}
    assert measured["dice_majority"] > 0.35  # of the smoothed grey values: 0.21
    assert measured["n_voxels"] == GREY.size
    told = facies("evaluate", folder / "run", "--labels", f"{folder}/a.npz:classes")
    assert "mean over k" in told


def test_scores_are_those_of_all_voxels(folder) -> None:
    segmentation = open_segmentation(folder / "run")
    measured = evaluate_segmentation(segmentation, open_volume(CLASSES), k=4, ignore=[0])
    labels = segmentation.labels("k4").read()
    expected = [[((labels == a + 1) & (b == CLASSES)).sum() for b in (1, 2, 3)] for a in range(4)]
    assert measured["confusion"] == np.array(expected).tolist()
    assert measured["n_ignored"] == (CLASSES == 0).sum()


def test_another_volume_gets_the_same_numbers(folder) -> None:
    np.save(folder / "turned.npy", GREY.transpose(2, 1, 0)[:, ::-1])
    facies("segment", folder / "run", "--apply", folder / "turned.npy", "--voxel-size", "8,8,8", "-o", folder / "other")
    first, second = (open_segmentation(folder / name).labels("k4").read() for name in ("run", "other"))
    assert (second[:, ::-1].transpose(2, 1, 0) == first).mean() > 0.99
    np.save(folder / "finer.npy", GREY)
    told = facies(
        "segment", folder / "run", "--apply", folder / "finer.npy", "--voxel-size", "4,4,4", "-o", folder / "b", code=2
    )
    assert "learnt from 8 × 8 × 8 nm" in told


def test_the_blocks_do_not_show(folder) -> None:
    volume = open_volume(f"{folder}/a.npz:grey", voxel_size_nm=(8, 8, 8))
    method = make_voxel_method("filter-bank", parameters={"scale_nm": 64.0, "n_scales": 2})
    with make_engine("processes") as engine:
        options = SegmentOptions((4, 5), "kmeans", block=(32, 32, 32))
        assert segment_volume(volume, folder / "cut", method, engine, options).is_complete
    one, other = (open_segmentation(folder / name).labels("k5").read() for name in ("run", "cut"))
    assert (one == other).mean() > 0.9999


def test_a_run_goes_on_only_with_what_it_was_begun_with(folder, monkeypatch) -> None:
    from facies.methods.voxels.model import VoxelModel

    label = VoxelModel.label
    monkeypatch.setattr(VoxelModel, "label", lambda *_: 1 / 0)
    told = facies("segment", f"{folder}/a.npz:grey", "-o", folder / "c", *BANK, code=1)
    assert "--resume" in told
    monkeypatch.setattr(VoxelModel, "label", label)
    told = facies("segment", f"{folder}/a.npz:grey", "-o", folder / "c", *BANK[:-1], "4", "--resume", code=2)
    assert "of another volume, method, parameter or k" in told
    monkeypatch.setattr("facies.volumes.segment.fit_clusters", lambda *_, **__: 1 / 0)  # the model is there already
    facies("segment", f"{folder}/a.npz:grey", "-o", folder / "c", *BANK, "--resume")
    np.testing.assert_array_equal(
        open_segmentation(folder / "c").labels("k5").read(), open_segmentation(folder / "run").labels("k5").read()
    )


def test_padding_has_no_label(tmp_path) -> None:
    padded = np.zeros((32, 48, 80), np.uint8)
    padded[:, :, :48] = np.maximum(GREY, 1)
    np.save(tmp_path / "a.npy", padded)
    facies(
        "segment",
        tmp_path / "a.npy",
        "-o",
        tmp_path / "run",
        "--method",
        "intensity",
        "--scale-nm",
        64,
        "--voxel-size",
        "8,8,8",
        "--k",
        4,
    )
    labels = open_segmentation(tmp_path / "run").labels().read()
    assert (labels[:, :, 48:] == 0).all()
    assert (labels[:, :, :48] > 0).mean() > 0.999


def test_numbers_of_clusters_are_read() -> None:
    assert read_ks("8") == (8,)
    assert read_ks("4-6, 10") == (4, 5, 6, 10)
    for text in ("ten", "6-4", ""):
        with pytest.raises(InputError, match="--k"):
            read_ks(text)


BAD = {
    "size": ("grey.npy", [], "size of its voxels is not known"),
    "two datasets": ("a.npz", BANK, "grey"),
    "thin": ("thin.npy", BANK, "has 3 voxels along z, and a patch of 64 nm needs 8"),
    "colour": ("rgb.tif", BANK, "colour"),
    "nan": ("nan.npy", BANK, "1 voxel is NaN or infinite"),
    "zeros": ("zeros.npy", BANK, "all voxels are zero"),
    "method": ("grey.npy", ["--method", "filterbank"], "did you mean 'filter-bank'"),
    "clusters": ("grey.npy", [*BANK, "--clusters", "kmean"], "did you mean 'kmeans'"),
    "k": ("grey.npy", [*BANK[:-1], "1"], "from 2 to 254"),
    "parameter": ("grey.npy", [*BANK, "--set", "n_scale=3"], "n_scales"),
    "apply": ("grey.npy", [*BANK, "--apply", "x.npy"], "give that folder first"),
    "scheduler": ("grey.npy", [*BANK, "--scheduler", "tcp://10.0.0.1:1"], "--engine dask"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path, case) -> None:
    np.save(tmp_path / "grey.npy", GREY)
    np.save(tmp_path / "thin.npy", GREY[:3])
    np.savez(tmp_path / "a.npz", grey=GREY, other=GREY)
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((24, 32, 3), np.uint8), photometric="rgb")
    np.save(tmp_path / "zeros.npy", np.zeros_like(GREY))
    wrong = GREY.astype(np.float32)
    wrong[1, 2, 3] = np.nan
    np.save(tmp_path / "nan.npy", wrong)
    source, words, expected = BAD[case]
    told = facies("segment", tmp_path / source, "-o", tmp_path / "run", *words, code=2)
    assert expected in told
    assert len(told.strip().splitlines()) == 1
    assert not list(tmp_path.glob("*run*"))


def test_labels_of_another_volume_are_refused(folder) -> None:
    segmentation = open_segmentation(folder / "run")
    with pytest.raises(InputError, match="32 × 48 × 47 voxels, and run 32 × 48 × 48"):
        evaluate_segmentation(segmentation, open_volume(CLASSES[:, :, 1:]))
    with pytest.raises(InputError, match="whole numbers"):
        evaluate_segmentation(segmentation, open_volume(CLASSES.astype(np.float32)))
    assert "k 9: run has no such labels" in facies(
        "evaluate", folder / "run", "--labels", f"{folder}/a.npz:classes", "--k", 9, code=2
    )
    assert "give --labels VOLUME" in facies("evaluate", folder / "run", code=2)


def test_the_model_is_found_in_the_folder_whatever_its_name(folder) -> None:
    described = json.loads((folder / "run" / "segmentation.json").read_text())
    assert described["settings"]["model"] == "model"
    assert zarr.open_group(str(folder / "run" / "labels.zarr"), mode="r").attrs["ome"]["labels"] == ["k4", "k5"]


def test_a_few_clicks_give_classes_to_all_voxels(folder) -> None:
    rng = np.random.default_rng(0)
    lines = ["z,y,x,class", "1,1,1,"]
    for value in range(4):
        places = np.argwhere(value == CLASSES)
        lines += [f"{z},{y},{x},{value}" for z, y, x in places[rng.choice(len(places), 20, replace=False)]]
    (folder / "points.csv").write_text("\n".join(lines))
    facies("segment", folder / "run", "--probe", folder / "points.csv", "-o", folder / "clicked")
    run = open_segmentation(folder / "clicked")
    assert run.described["classes"] == ["0", "1", "2", "3"]
    assert run.described["notes"][0] == "1 click without a class left out"
    scale_nm = open_model(open_segmentation(folder / "run")).method.scale_nm
    assert f"mean code within a Gaussian of {0.3 * scale_nm:g} nm" in run.described["notes"][1]
    assert {each.name for each in (folder / "clicked").iterdir()} == {"labels.zarr", "segmentation.json"}
    told: list[tuple[int, int]] = []
    apply_probe(
        open_segmentation(folder / "run"),
        folder / "points.csv",
        folder / "told",
        progress=lambda *each: told.append(each),
    )
    assert told == [(number + 1, told[-1][1]) for number in range(len(told))]
    assert told[-1] == (len(told), len(told))
    by_clicks = evaluate_segmentation(run, open_volume(CLASSES))
    assert by_clicks["dice_majority"] > 0.65  # without the estimated shares 0.56
    strokes = np.zeros(GREY.shape, np.uint8)
    for line in lines[2:]:
        z, y, x, value = map(int, line.split(","))
        strokes[z, y, x] = value + 1
    np.save(folder / "strokes.npy", strokes)
    facies("segment", folder / "run", "--probe", folder / "strokes.npy", "-o", folder / "painted")
    np.testing.assert_array_equal(open_segmentation(folder / "painted").labels().read(), run.labels().read())


def test_voxels_like_one_are_shown(folder) -> None:
    place = tuple(np.argwhere(CLASSES == 1)[300])
    facies("segment", folder / "run", "--like", ",".join(map(str, place)), "-o", folder / "like.zarr")
    similarity = open_volume(folder / "like.zarr")
    assert similarity.voxel_size_nm == (8, 8, 8)
    values = similarity.read()
    assert values[place] == 255
    assert values[CLASSES == 1].mean() > values[CLASSES != 1].mean() + 20


CLICKS = {
    "outside": ("z,y,x,class\n0,0,0,a\n0,0,99,b", "line 3: x 99 is outside of the volume, which has 48 voxels along x"),
    "no number": ("z,y,x,class\n0,0,one,a", "x is 'one'"),
    "column": ("z,y,class\n0,0,a", "lacks the column x"),
    "one class": ("z,y,x,class\n0,0,0,a\n1,1,1,a", "have 1 class"),
}


@pytest.mark.parametrize("case", CLICKS)
def test_bad_clicks_are_named(folder, tmp_path, case) -> None:
    text, expected = CLICKS[case]
    (tmp_path / "points.csv").write_text(text)
    told = facies("segment", folder / "run", "--probe", tmp_path / "points.csv", "-o", tmp_path / "b", code=2)
    assert expected in told
    assert len(list(tmp_path.iterdir())) == 1


def test_one_thing_at_a_time_of_a_segmented_volume(folder, tmp_path) -> None:
    assert "give one of" in facies("segment", folder / "run", "-o", tmp_path / "b", code=2)
    assert "z,y,x from 0" in facies("segment", folder / "run", "--like", "1,2", "-o", tmp_path / "b", code=2)
    assert "outside" in facies("segment", folder / "run", "--like", "1,2,300", "-o", tmp_path / "b", code=2)


OF_ANOTHER_KIND = {
    "learning": (["--apply", "a.npy", "--method", "intensity", "--k", "4"], "for which --method and --k means nothing"),
    "blocks": (["--like", "1,2,3", "--jobs", "2"], "for which --jobs means nothing"),
}


@pytest.mark.parametrize("case", OF_ANOTHER_KIND)
def test_an_option_that_would_do_nothing_is_refused(folder, tmp_path, case) -> None:
    words, expected = OF_ANOTHER_KIND[case]
    assert expected in facies("segment", folder / "run", *words, "-o", tmp_path / "b", code=2)
    assert not list(tmp_path.iterdir())


def test_the_report_shows_slices_shares_and_notes(folder, tmp_path) -> None:
    facies("report", folder / "run", "--k", 5, "-o", tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    labels = open_segmentation(folder / "run").labels("k5").read()
    for label in range(1, 6):
        assert f'<td class="n">{(labels == label).sum():,}</td>' in page
    assert page.count("data:image/webp") == 6  # three planes, with labels and without
    for note in open_segmentation(folder / "run").described["notes"]:
        assert note in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "already exists" in facies("report", folder / "run", "-o", tmp_path / "r.html", code=2)
    assert "for which --partition means nothing" in facies(
        "report", folder / "run", "--partition", "x", "-o", tmp_path / "b.html", code=2
    )


def test_the_report_does_without_the_volume(folder, tmp_path) -> None:
    np.save(tmp_path / "a.npy", GREY)
    words = ["--method", "intensity", "--scale-nm", 64, "--voxel-size", "8,4,4", "--k", 4]
    facies("segment", tmp_path / "a.npy", "-o", tmp_path / "run", *words)
    (tmp_path / "a.npy").unlink()
    facies("report", tmp_path / "run", "-o", tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    assert page.count("data:image/webp") == 3
    assert "slices without grey values" in page
    assert "no longer there" in facies(
        "export", tmp_path / "run", "--to", "ome-zarr", "-o", tmp_path / "b.zarr", code=2
    )
