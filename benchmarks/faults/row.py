from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    kind: str
    injected: int
    ok: int
    degraded: int
    failed: int
    lost: int
    repeated: int
    differing: int
    seconds: float
