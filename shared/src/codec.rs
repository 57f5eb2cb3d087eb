//! Big-endian integers and length-prefixed bytes: the one encoding of every message (PROTOCOL.md, "Notation").

use crate::Error;

/// Appends fields to a buffer.
pub(crate) trait Encode {
    fn u8(&mut self, value: u8) -> &mut Self;
    fn u32(&mut self, value: u32) -> &mut Self;
    fn u64(&mut self, value: u64) -> &mut Self;
    fn i64(&mut self, value: i64) -> &mut Self;
    fn raw(&mut self, value: &[u8]) -> &mut Self;
    /// `lv(x)`: the length as u32, then the bytes.
    fn lv(&mut self, value: &[u8]) -> &mut Self;
}

impl Encode for Vec<u8> {
    fn u8(&mut self, value: u8) -> &mut Self {
        self.push(value);
        self
    }
    fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }
    fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }
    fn i64(&mut self, value: i64) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }
    fn raw(&mut self, value: &[u8]) -> &mut Self {
        self.extend_from_slice(value);
        self
    }
    fn lv(&mut self, value: &[u8]) -> &mut Self {
        debug_assert!(u32::try_from(value.len()).is_ok(), "a field of 4 GiB");
        self.u32(value.len() as u32).raw(value)
    }
}

/// Takes fields from a message; what is left over at [`Decode::end`] is an error.
pub(crate) struct Decode<'a> {
    rest: &'a [u8],
}

impl<'a> Decode<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn raw(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (head, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(Error::Malformed("a message ends within a field"))?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut array = [0; N];
        array.copy_from_slice(self.raw(N)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Error> {
        self.array().map(i64::from_be_bytes)
    }

    /// `lv(x)` of at most `limit` bytes.
    pub(crate) fn lv(&mut self, limit: usize) -> Result<&'a [u8], Error> {
        let length = self.u32()? as usize;
        if length > limit {
            return Err(Error::Malformed("a field longer than its limit"));
        }
        self.raw(length)
    }

    pub(crate) fn end(self) -> Result<(), Error> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Error::Malformed("bytes after the end of a message"))
        }
    }
}
