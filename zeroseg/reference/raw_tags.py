"""The reference's ablation "without pre-refinement"."""

from __future__ import annotations

from zeroseg.refinement.raw_tags import RawTags
from zeroseg.values import Description


class ReferenceRawTags(RawTags):
    """`RawTags` with the caption behind the last tag, after a colon.

    The reference writes tags and caption so, and asks its detector for the whole text. The
    two are one prompt, and the last tag is no class any more.
    """

    def _prompts(self, description: Description) -> list[str]:
        prompts = super()._prompts(description)
        caption = (description.caption or "").strip()
        if not caption:
            return prompts
        return [*prompts[:-1], ": ".join([*prompts[-1:], caption])]
