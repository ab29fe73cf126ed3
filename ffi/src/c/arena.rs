//! Structs for C that point to text and lists: one allocation that C sees the beginning of, and what it points into.

use super::values::c_string;
use std::{
    any::Any,
    ffi::{CString, c_char},
    ptr,
};

/// A struct for C, and what its pointers point into. C gets a pointer to `view`, which is where this begins.
#[repr(C)]
pub(crate) struct Owned<V> {
    view: V,
    arena: Arena,
}

/// Keeps what pointers point to.
#[derive(Default)]
pub(crate) struct Arena(Vec<Box<dyn Any>>);

impl<V> Owned<V> {
    /// Makes the struct with its arena, and lets go of both: [`super::free_owned`] takes them back.
    pub(crate) fn let_go(make: impl FnOnce(&mut Arena) -> V) -> *mut V {
        let mut arena = Arena::default();
        let view = make(&mut arena);
        Box::into_raw(Box::new(Self { view, arena })).cast()
    }
}

impl Arena {
    /// A text that ends with a zero byte.
    pub(crate) fn text(&mut self, text: &str) -> *const c_char {
        let text: Box<CString> = Box::new(c_string(text));
        let first = text.as_ptr();
        self.0.push(text);
        first
    }

    /// A text, or NULL.
    pub(crate) fn perhaps(&mut self, text: Option<&str>) -> *const c_char {
        text.map_or(ptr::null(), |text| self.text(text))
    }

    /// A list.
    pub(crate) fn list<T: 'static>(&mut self, list: Vec<T>) -> *const T {
        let first = list.as_ptr();
        self.0.push(Box::new(list));
        first
    }

    /// A list of texts.
    pub(crate) fn texts<'a>(&mut self, texts: impl IntoIterator<Item = &'a str>) -> *const *const c_char {
        let texts = texts.into_iter().map(|text| self.text(text)).collect::<Vec<_>>();
        self.list(texts)
    }
}
