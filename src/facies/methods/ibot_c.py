"""`ibot-c`: self-distillation of images and of masked patches (iBOT; Zhou et al., ICLR 2022), and groups of the features."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Gt, Lt
from torch import Tensor, nn

from facies.errors import InputError
from facies.images import ImageSet
from facies.losses import centred_targets, distillation, linear_warm_up, standardised_targets
from facies.methods.embedding_clustering import EmbeddingClustering
from facies.methods.fit_context import FitContext
from facies.methods.grouping import Grouping
from facies.methods.preprocessing import Preprocessor
from facies.methods.view_encoder import ViewEncoder
from facies.methods.view_objective import LARGE_SIDE, automatic_epochs
from facies.nn.vision_transformer import TokenDistillation, VisionTransformer, draw_blocks
from facies.parameters import Count, Positive, settings
from facies.training import Batch, EMATeacher, StageOutputs, Training, Views, unwrapped

FIRST_TEMPERATURE = 0.04
"""τ of the teacher in the first step; it climbs to its own in three tenths of the training."""
WARM_UP = 0.3
LEARNT = 0.9
"""Share of ln `outputs`, the loss of even answers, above which the class token has learnt next to nothing."""


@dataclass(kw_only=True, eq=False, repr=False)
class IBOTC(ViewEncoder, EmbeddingClustering):
    """A transformer learns to say of an image, and of its hidden patches, what a slow teacher says that sees them.

    References
    ----------
    .. [1] J. Zhou, C. Wei, H. Wang, W. Shen, C. Xie, A. Yuille, T. Kong, "iBOT: image BERT pre-training with online
       tokenizer", ICLR 2022.
    """

    name: ClassVar[str] = "ibot-c"
    title: ClassVar[str] = "Self-distillation with masked patches, and groups of the features"
    reference: ClassVar[str] = (
        "J. Zhou, C. Wei, H. Wang, W. Shen, C. Xie, A. Yuille, T. Kong, iBOT: image BERT pre-training with online tokenizer. ICLR 2022."
    )
    citation: ClassVar[str] = "Zhou et al., 2022"
    summary: ClassVar[str] = (
        "A vision transformer was trained, without labels, to give two views of an image, and its hidden patches "
        "({0.mask_share:.0%} of them), what a teacher gives that follows it and sees them. Its features were reduced to "
        "{0.grouping.n_components} principal components and grouped ({0.grouping.chosen_method})."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {
            "image_size": 32,
            "width": 64,
            "depth": 3,
            "outputs": 256,
            "teacher_momentum": 0.99,
            "training.epochs": "auto",
            "training.batch_size": 64,
            "training.learning_rate": 1e-3,
        },
    }
    test_parameters: ClassVar[Mapping[str, Any]] = {
        "width": 16,
        "depth": 1,
        "heads": 2,
        "outputs": 32,
        "training.epochs": 2,
        "training.batch_size": 16,
        "grouping.n_clusters": 3,
    }

    patch_size: Annotated[int, Ge(1)] | None = None
    """Side of a patch in pixels; null is a seventh of the longer side, between 2 and 16. Smaller ones show finer detail, and take
    longer."""
    width: Count = 192
    """Numbers in a token; the embedding has twice as many. A multiple of `heads`."""
    depth: Count = 12
    """Blocks of the transformer; more can tell more apart, and take longer."""
    heads: Count = 4
    """Attention heads of a block."""
    outputs: Count = 8192
    """Numbers that student and teacher compare; some hundred suit small sets."""
    mask_share: Annotated[float, Gt(0), Lt(1)] = 0.3
    """Share of the patches, in one rectangle, that the student does not see."""
    temperature: Positive = 0.1
    """τ of the student; smaller values make a harder task."""
    teacher_temperature: Positive = 0.07
    """τ of the teacher; smaller values make surer targets, and can let all images become alike."""
    teacher_momentum: Annotated[float, Ge(0), Lt(1)] = 0.996
    """Share of itself that the teacher keeps at the first step; it climbs to 1. Closer to 1 it follows more slowly."""
    grouping: Grouping = settings(
        Grouping, method="gaussian-mixture", n_clusters=10, n_components=20, layout_dimensions=None
    )
    views: Views = settings(Views, rotation=0.0)
    training: Training = settings(
        Training,
        epochs=800,
        batch_size=128,
        optimizer="adamw",
        learning_rate=2.5e-4,
        weight_decay=0.04,
        schedule="one-cycle",
        gradient_clip=3.0,
    )

    def check(self, images: ImageSet) -> None:
        """Refuse also tokens that the heads cannot share."""
        super().check(images)
        if self.width % self.heads:
            raise InputError(f"width={self.width}: {self.heads} heads share it; give a multiple of {self.heads}")

    def build_encoder(self) -> VisionTransformer:
        """The transformer for images of ``image_shape_``, with random weights."""
        shape = self.shown_shape
        patch = self.patch_size or min(16, max(2, round(max(shape[1:]) / 7)))
        return VisionTransformer(shape, patch, self.width, self.depth, self.heads)

    def learn(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: student and teacher."""
        network: TokenDistillation = fit.trainer.build(
            lambda: TokenDistillation(self.build_encoder(), self.width, self.outputs)
        )
        preprocessor = self.preprocessor(fit, outputs)
        objective = IBOTObjective(preprocessor, self.mask_share, self.temperature, self.teacher_temperature)
        teacher = RisingTeacher("student", "teacher", self.teacher_momentum)
        training = self.settled(self.training, fit)
        result = fit.trainer.fit(network, self.shown(fit), objective, training, callbacks=[teacher])
        notes = self.learning_notes(result.rows[-1]["image"])
        return {"encoder": dict(network.teacher.encoder.state_dict()), "notes": notes}

    def settled(self, training: Training, fit: FitContext) -> Training:
        """A training with ``auto`` epochs made definite: as few for small images, since a step goes by the patches."""
        return training.with_epochs(automatic_epochs(len(fit.images), LARGE_SIDE))

    def learning_notes(self, image_loss: float) -> list[str]:
        """A warning where the network cannot tell whole images apart."""
        even = math.log(self.outputs)
        if image_loss < LEARNT * even:
            return []
        return [
            f"the network learnt next to nothing of whole images: its loss ended at {image_loss:.2f}, and {even:.2f} is that of "
            "even answers; do not trust these groups: learn from more images or for longer (training.epochs), or take contrastive"
        ]


class RisingTeacher(EMATeacher):
    """A teacher whose momentum climbs to 1 by half a cosine, so that it comes to rest (BYOL, Grill et al., 2020, section 3.3)."""

    def __init__(self, student: str, teacher: str, momentum: float) -> None:
        super().__init__(student, teacher, momentum)
        self.first = momentum

    def on_step_end(self, module: nn.Module, batch: Batch) -> None:
        """Set the momentum, and move the teacher."""
        self.momentum = 1 - (1 - self.first) * (1 + math.cos(math.pi * batch.progress)) / 2
        super().on_step_end(module, batch)


@dataclass
class IBOTObjective:
    """Cross-entropy with the teacher: of the class token of the other view, and of the hidden patches of the same view."""

    preprocessor: Preprocessor
    mask_share: float
    temperature: float
    teacher_temperature: float

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``image`` and ``patches``."""
        network = unwrapped(module)
        views = torch.cat([self.preprocessor(batch.images)[0], self.preprocessor(batch.images)[0]])
        masked = draw_blocks(len(views), network.student.encoder.grid, self.mask_share, views.device)
        (student, student_patches), (teacher, teacher_patches) = module(views, masked)
        climb = linear_warm_up(batch.progress, WARM_UP)
        sharp = FIRST_TEMPERATURE + climb * (self.teacher_temperature - FIRST_TEMPERATURE)
        classes = standardised_targets(teacher, sharp * math.sqrt(network.student.head.bottleneck))
        patches = centred_targets(teacher_patches, network.patch_centre, sharp)
        image = distillation(student, classes.roll(len(batch.images), dims=0), self.temperature).mean()
        share_of_image = (masked / masked.sum(dim=1, keepdim=True))[masked]
        patch = (distillation(student_patches, patches, self.temperature) * share_of_image).sum() / len(views)
        network.follow(teacher_patches)
        return {"loss": image + patch, "image": image, "patches": patch}
