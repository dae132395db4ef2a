"""What goes wrong with many steps is cut down to the few that make it go wrong."""
import time


def shrink(steps, fails, seconds, milder=lambda step: ()):
    """The fewest of `steps` for which fails() still holds, as far as `seconds` go; milder(step) are
    what may stand in place of one that is needed."""
    end = time.monotonic() + seconds

    def try_(fewer):
        nonlocal steps
        if time.monotonic() > end or not fewer or not fails(fewer):
            return False
        steps = fewer
        return True

    size = max(1, len(steps) // 2)
    while time.monotonic() < end:
        before, at = len(steps), 0
        while at < len(steps):
            if not try_(steps[:at] + steps[at + size:]):
                at += size
        if size == 1 and len(steps) == before:
            break
        size = max(1, size // 2)
    for at, step in enumerate(steps):
        any(try_([*steps[:at], other, *steps[at + 1:]]) for other in milder(step))
    return steps
