//! The browser side of Hayate.
