#!/usr/bin/python3
"""Expected numbers of tests/unit/test_random.c: xoshiro256++ seeded by splitmix64, from the
published descriptions, in plain integers."""
MASK = (1 << 64) - 1


def splitmix64(state):
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def rotate(x, k):
    return ((x << k) | (x >> (64 - k))) & MASK


def xoshiro256pp(s):
    while True:
        yield (rotate((s[0] + s[3]) & MASK, 23) + s[0]) & MASK
        t = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 45)


def stream(seed, number):
    state = seed ^ (next(splitmix64(number)) if number else 0)
    words = splitmix64(state)
    return xoshiro256pp([next(words) for _ in range(4)])


if __name__ == "__main__":
    words = splitmix64(1234567)
    print("state of seed 1234567:", [next(words) for _ in range(4)])
    for seed, number in ((1234567, 0), (1234567, 3)):
        bits = stream(seed, number)
        print("seed", seed, "stream", number, [next(bits) for _ in range(4)])
