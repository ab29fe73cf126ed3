//! Work that blocks, as a future: a thread of its own does it, so that whoever awaits it can do something else. No
//! executor is needed, and none is chosen for the other language.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
    thread,
};

/// What the thread and the one who waits share.
struct Shared<T> {
    done: Option<thread::Result<T>>,
    waiting: Option<Waker>,
}

/// Does `work` on a thread of its own. A panic in it is the future's; when the system has no thread to give, the one who
/// polls does the work.
pub(crate) async fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let shared = Arc::new(Mutex::new(Shared { done: None, waiting: None }));
    let work = Arc::new(Mutex::new(Some(work)));
    let (theirs, place) = (Arc::clone(&shared), Arc::clone(&work));
    let run = move || {
        let Some(work) = locked(&place).take() else { return };
        let done = catch_unwind(AssertUnwindSafe(work));
        let waiting = {
            let mut shared = locked(&theirs);
            shared.done = Some(done);
            shared.waiting.take()
        };
        waiting.into_iter().for_each(Waker::wake);
    };
    if thread::Builder::new().name("sendgate-later".into()).spawn(run).is_err()
        && let Some(work) = locked(&work).take()
    {
        return work();
    }
    let done = poll_fn(|context| {
        let mut shared = locked(&shared);
        if let Some(done) = shared.done.take() {
            return Poll::Ready(done);
        }
        shared.waiting = Some(context.waker().clone());
        Poll::Pending
    });
    done.await.unwrap_or_else(|panic| resume_unwind(panic))
}

/// No caller's code runs under these locks.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        future::Future,
        pin::pin,
        sync::mpsc,
        task::{Context, Wake},
    };

    struct Bell(mpsc::Sender<()>);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            // Nobody listens any more when the future was ready at the first look.
            let _ = self.0.send(());
        }
    }

    fn wait_for<T>(future: impl Future<Output = T>) -> T {
        let (sender, rings) = mpsc::channel();
        let waker = Waker::from(Arc::new(Bell(sender)));
        let mut future = pin!(future);
        loop {
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(value) => return value,
                Poll::Pending => rings.recv().unwrap(),
            }
        }
    }

    #[test]
    fn work_is_done_on_another_thread_and_its_value_comes_back() {
        let here = thread::current().id();
        assert_ne!(wait_for(elsewhere(|| thread::current().id())), here);
    }

    #[test]
    fn a_panic_reaches_the_one_who_waits() {
        let caught = catch_unwind(|| wait_for(elsewhere(|| panic!("a test's own"))));
        assert!(caught.is_err());
    }
}
