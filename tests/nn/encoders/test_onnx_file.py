import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from facies.errors import InputError
from facies.nn.encoders import PlanesEncoder, load_encoder, rebuild_encoder


def write(path, *, shape=("n", 3, "h", "w"), node="GlobalAveragePool", metadata=None):
    nodes = [helper.make_node(node, ["pixels"], ["maps"])]
    given = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)
    made = helper.make_tensor_value_info("maps", TensorProto.FLOAT, None)
    model = helper.make_model(
        helper.make_graph(nodes, "g", [given], [made]), opset_imports=[helper.make_opsetid("", 17)]
    )
    model.ir_version = 9
    helper.set_model_props(model, metadata or {})
    onnx.save(model, str(path))
    return str(path)


def test_a_network_of_ones_own_in_its_own_scale(tmp_path):
    place = write(tmp_path / "mine.onnx", metadata={"mean": "[0, 0, 0]", "std": "[0.5, 0.5, 0.5]", "licence": "CC0"})
    encoder = load_encoder(place)
    images = torch.rand(5, 3, 40, 40)
    torch.testing.assert_close(encoder(images), images.mean(dim=(2, 3)) / 0.5, rtol=1e-5, atol=1e-6)
    assert (encoder.features, encoder.weights.licence, encoder.weights.source) == (3, "CC0", "mine.onnx")
    assert not encoder.is_trainable
    again = rebuild_encoder(encoder.description(), encoder.state())
    assert torch.equal(again(images), encoder(images))


def test_one_size_and_one_batch_that_a_file_may_ask_for(tmp_path):
    encoder = load_encoder(write(tmp_path / "fixed.onnx", shape=(2, 3, 24, 16)))
    planes = PlanesEncoder(encoder, (1, 50, 60), 200)
    assert planes.size == (24, 16)
    images = torch.rand(5, 1, 50, 60)
    torch.testing.assert_close(planes(images)[4:], planes(images[4:]))


def test_files_that_are_no_encoders_are_refused_in_one_line(tmp_path):
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(b"not a network")
    for place, reason in {
        str(cut): "cannot be read as an ONNX file",
        str(tmp_path / "missing.onnx"): "no such file",
        write(tmp_path / "channels.onnx", shape=("n", 7, "h", "w")): "takes one input of images",
        write(tmp_path / "mean.onnx", metadata={"std": "[0, 1, 1]"}): "JSON list of three numbers",
    }.items():
        with pytest.raises(InputError, match=reason) as caught:
            load_encoder(place)
        assert "\n" not in str(caught.value)


def test_maps_are_averaged(tmp_path):
    encoder = load_encoder(write(tmp_path / "maps.onnx", node="Relu", metadata={"mean": "[0,0,0]", "std": "[1,1,1]"}))
    images = torch.rand(2, 3, 32, 32)
    np.testing.assert_allclose(encoder(images), images.mean(dim=(2, 3)), rtol=1e-5)
