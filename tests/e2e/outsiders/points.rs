//! Values of curves that no honest peer sends.

/// Points of low order on Curve25519, by which X25519 gives zeros (RFC 7748, 6.1): 0, 1, two of order 8, p - 1, and what is
/// equal to 0 and 1 modulo p.
const LOW_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

/// What is no element of ristretto255, or the identity (RFC 9496, 4.3.1 and A.3): the identity, p, more, a negative
/// number, no square, one byte too few, one too many.
const BAD_SHARES: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d",
    "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d7600",
];

/// Public keys of X25519 that give zeros, whatever they meet, without the highest bit and with it: it does not count.
pub(crate) fn low_order() -> [Vec<u8>; 14] {
    std::array::from_fn(|number| {
        let mut key = bytes(LOW_ORDER[number / 2]);
        key[31] |= if number % 2 == 1 { 0x80 } else { 0 };
        key
    })
}

/// Shares of CPace that must be refused.
pub(crate) fn bad_shares() -> [Vec<u8>; 7] {
    BAD_SHARES.map(bytes)
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digits).collect()
}
