//! A message to 500 is judged for each of them without a copy of its files. Rows R189, C08.

#![allow(clippy::unwrap_used, reason = "a panic here is a test that fails")]
#![allow(unsafe_code, reason = "measuring allocations needs an allocator, and an allocator is unsafe")]

use sendgate_core::message::{Circular, Missing, Person};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

struct Measuring;

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Measuring {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.with(|largest| largest.set(largest.get().max(layout.size())));
        // SAFETY: the caller keeps to the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` above, which is the system's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Measuring = Measuring;

#[test]
fn five_hundred_samples_of_a_message_copy_no_file() {
    let content = "QUJD".repeat(5_000_000);
    let message = [
        r#"{"from":"orders@shop.example","subject":"Hello {{name}}","html_body":"<p>{{name}}</p>","attachments":
        [{"filename":"{{name}}.bin","content_type":"application/octet-stream","content":""#,
        &content,
        r#""}]}"#,
    ]
    .concat();
    let people: Vec<String> = (0..500)
        .map(|n| format!(r#"{{"email":"user{n}@example.com","substitutions":{{"name":"User {n}"}}}}"#))
        .collect();
    LARGEST.with(|largest| largest.set(0));
    let circular = Circular::parse(&message).unwrap();
    for (n, person) in people.iter().enumerate() {
        let sample = circular.sample(&Person::parse(person).unwrap(), Missing::Strict).unwrap();
        assert_eq!(sample.html_body.as_ref().unwrap(), &format!("<p>User {n}</p>"));
        assert!(sample.size() > content.len(), "the file counts all the same");
    }
    let largest = LARGEST.with(Cell::get);
    assert!(largest < 10_000, "{largest} bytes at once for a file of {}", content.len());
    let whole = circular.into_message(
        &Person::parse(r#"{"email":"a@b.example","substitutions":{"name":"A"}}"#).unwrap(),
        Missing::Strict,
    );
    assert!(whole.unwrap().attachments.iter().all(|file| file.content == content && file.filename == "A.bin"));
}
