"""Other systems, scored by the same loop: Semantic-Segment-Anything."""
