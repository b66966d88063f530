"""A stand-in for WCS: posts hooks, and does with the answers what the vendor's rules say.

WCS is closed source. This is the one implementation of its side of the protocol
(`docs/reference/wcs-protocol.md`), for tests, for operators who want to try policies, and for load.
It asks no policy and knows nothing of the stack: whatever it learns, it learns over HTTP.

What the vendor leaves open is decided here in the way that would show a mistake soonest, and
`docs/reference/scenarios.md` lists each of those choices.
"""
