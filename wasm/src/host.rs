//! Small pieces of the platform: the panic hook, logs, bindings, timers and waiting.

use js_sys::{Error, Function, Promise};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, Waker};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout, catch)]
    fn set_timeout(callback: &Function, milliseconds: f64) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_name = clearTimeout, catch)]
    fn clear_timeout(timer: &JsValue) -> Result<(), JsValue>;
}

/// Makes a panic call `condemn` with the place of it, and never with its text: that may hold anything.
#[wasm_bindgen]
pub fn begin(condemn: Function) {
    CONDEMN.with(|slot| {
        if let Ok(mut slot) = slot.try_borrow_mut() {
            *slot = Some(condemn);
        }
    });
    std::panic::set_hook(Box::new(|panic| {
        let place =
            panic.location().map_or_else(|| "panic".to_owned(), |at| format!("panic at {}:{}", at.file(), at.line()));
        log(&place);
        CONDEMN.with(|slot| {
            if let Ok(Some(condemn)) = slot.try_borrow().as_deref() {
                // Nothing more can be done when even this fails: the guard's timer remains.
                let _ = condemn.call1(&JsValue::UNDEFINED, &JsValue::from_str(&place));
            }
        });
    }));
}

/// Writes a line to the log. Never an address, a key, a body or a text that came from outside.
pub(crate) fn log(line: &str) {
    worker::console_error!("{line}");
}

/// The text of a thrown error, for a log or a [`sendgate_core::sql::SqlError`].
pub(crate) fn message(error: &JsValue) -> String {
    match error.dyn_ref::<Error>() {
        Some(error) => error.message().into(),
        None => error.as_string().unwrap_or_else(|| "not an error".to_owned()),
    }
}

/// A timer that ends with its value: dropped, it is taken away.
pub(crate) struct Timer {
    id: JsValue,
    fired: Promise,
}

impl Timer {
    /// Starts a timer of `milliseconds`.
    ///
    /// # Errors
    /// The platform refused, outside of a request.
    #[allow(clippy::cast_precision_loss, reason = "a wait is far below 2^53 milliseconds")]
    pub(crate) fn start(milliseconds: u64) -> Result<Self, JsValue> {
        let mut id = Err(JsValue::from_str("no timer was started"));
        let fired = Promise::new(&mut |resolve, _| id = set_timeout(&resolve, milliseconds as f64));
        Ok(Self { id: id?, fired })
    }

    /// Waits for its end.
    pub(crate) async fn end(&self) {
        // A timer's promise is only ever resolved.
        let _ = JsFuture::from(self.fired.clone()).await;
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // A timer that already ended is none.
        let _ = clear_timeout(&self.id);
    }
}

/// The one of two futures that was first.
pub(crate) enum Either<A, B> {
    /// The first one.
    First(A),
    /// The second one.
    Second(B),
}

/// Waits for whichever ends first, and drops the other. When both are ready it is the first.
pub(crate) async fn race<A, B>(first: impl Future<Output = A>, second: impl Future<Output = B>) -> Either<A, B> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|context| {
        if let Poll::Ready(value) = first.as_mut().poll(context) {
            return Poll::Ready(Either::First(value));
        }
        second.as_mut().poll(context).map(Either::Second)
    })
    .await
}

/// Waits for all of them, and gives their values in their order.
pub(crate) async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    poll_fn(|context| {
        for (future, value) in waiting.iter_mut().filter(|(_, value)| value.is_none()) {
            if let Poll::Ready(ready) = future.as_mut().poll(context) {
                *value = Some(ready);
            }
        }
        if waiting.iter().all(|(_, value)| value.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    waiting.into_iter().filter_map(|(_, value)| value).collect()
}

/// Wakes the one future that waits for it. Rung while none waits, it wakes the next at once.
#[derive(Default)]
pub(crate) struct Bell {
    rung: Cell<bool>,
    listener: Cell<Option<Waker>>,
}

impl Bell {
    /// Wakes the listener.
    pub(crate) fn ring(&self) {
        self.rung.set(true);
        if let Some(listener) = self.listener.take() {
            listener.wake();
        }
    }

    /// Waits for the next ring.
    pub(crate) async fn rung(&self) {
        poll_fn(|context| {
            if self.rung.replace(false) {
                return Poll::Ready(());
            }
            self.listener.set(Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

thread_local! {
    static CONDEMN: RefCell<Option<Function>> = const { RefCell::new(None) };
}
