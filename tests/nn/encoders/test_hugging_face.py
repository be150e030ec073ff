import json
import socket

import pytest
import torch
import transformers

from facies.errors import InputError
from facies.nn.encoders import PlanesEncoder, load_encoder, rebuild_encoder

TINY = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "image_size": 32}


def configurations():
    vision = {**TINY, "patch_size": 8}
    decoder = {
        "decoder_hidden_size": 16,
        "decoder_num_hidden_layers": 1,
        "decoder_num_attention_heads": 2,
        "decoder_intermediate_size": 16,
    }
    text = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "vocab_size": 50,
    }
    return {
        "dinov2": transformers.Dinov2Config(**vision, mlp_ratio=2),
        "dinov3": transformers.DINOv3ViTConfig(**vision),
        "vit_mae": transformers.ViTMAEConfig(**vision, **decoder),
        "clip": transformers.CLIPConfig(
            text_config=text, vision_config={**vision, "projection_dim": 8}, projection_dim=8
        ),
        "resnet": transformers.ResNetConfig(depths=[1, 1], hidden_sizes=[8, 12], embedding_size=8, layer_type="basic"),
    }


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refused(*_, **__):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refused)


def save(folder, name):
    torch.manual_seed(0)
    model = transformers.AutoModel.from_config(configurations()[name])
    model.save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n")
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"image_mean": [0.5] * 3, "image_std": [0.25] * 3, "size": 32})
    )
    return model.eval()


@pytest.mark.parametrize("name", list(configurations()))
def test_a_folder_gives_vectors_that_depend_on_nothing_but_the_image(name, tmp_path):
    model = save(tmp_path, name)
    encoder = load_encoder(str(tmp_path))
    images = torch.rand(3, 1, 20, 26, generator=torch.Generator().manual_seed(1))
    planes = PlanesEncoder(encoder, (1, 20, 26)).eval()
    with torch.no_grad():
        found = planes(images)
        torch.testing.assert_close(planes(images[1:2]), found[1:2], rtol=1e-4, atol=1e-5)
        again = PlanesEncoder(rebuild_encoder(encoder.description(), encoder.state()), (1, 20, 26))(images)
        if name == "resnet":
            pixels = (planes.colour_images(images) - 0.5) / 0.25
            torch.testing.assert_close(found, model(pixels).pooler_output.flatten(1))
    assert torch.equal(again, found)
    assert found.shape == (3, encoder.features)
    assert encoder.weights.licence == "cc-by-4.0"
    assert len(encoder.weights.sha256) == 64


def test_folders_that_hold_no_such_network_are_refused_in_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    save(tmp_path, "resnet")
    (tmp_path / "model.safetensors").write_bytes((tmp_path / "model.safetensors").read_bytes()[:2000])
    text = tmp_path / "text"
    transformers.BertModel(
        transformers.BertConfig(
            vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
        )
    ).save_pretrained(text)
    for folder, reason in {
        tmp_path / "empty": "holds no config.json",
        tmp_path: "cannot be loaded",
        text: "does not look at images",
        tmp_path / "nowhere" / "at-all": "no such folder",
    }.items():
        with pytest.raises(InputError, match=reason) as caught:
            load_encoder(str(folder))
        assert "\n" not in str(caught.value)


def test_code_that_comes_with_a_folder_is_not_run(tmp_path):
    save(tmp_path, "resnet")
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "evil.py").write_text("raise SystemExit('run')")
    with pytest.raises(InputError, match="cannot be loaded"):
        load_encoder(str(tmp_path))
