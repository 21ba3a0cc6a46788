"""Muon for matrices, AdamW for everything else, under one optimiser's interface."""

from __future__ import annotations

from typing import Any

import torch


class MuonAdamW:
    """What `Run` asks of an optimiser, carried out by two.

    Muon (Jordan et al., 2024) orthogonalises the update of each matrix, scaled so that learning
    rates mean what they mean for AdamW; small transformers reach the same loss on fewer images.

    Args:
        groups: Parameter groups; those of matrices alone carry "muon": True.
    """

    def __init__(self, groups: list[dict[str, Any]]) -> None:
        matrices = [group for group in groups if group.get("muon")]
        others = [group for group in groups if not group.get("muon")]
        self.parts: list[torch.optim.Optimizer] = [
            torch.optim.Muon(matrices, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(others, betas=(0.9, 0.98)),
        ]

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of both, to set learning rates in."""
        return [group for part in self.parts for group in part.param_groups]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget gradients."""
        for part in self.parts:
            part.zero_grad(set_to_none)

    def step(self) -> None:
        """Update all parameters."""
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """The state of both."""
        return {str(i): part.state_dict() for i, part in enumerate(self.parts)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        for i, part in enumerate(self.parts):
            part.load_state_dict(state[str(i)])
