"""The fixtures of `tests/story.py`: a real chain and an adopted contract."""

from story import adopted, rpc, story

__all__ = ["adopted", "rpc", "story"]
