//! Deallocates objects of Python classes that only add slots to a base class in C.
//!
//! Python's function for classes of a class statement searches the class and those above it for slots, for each object. Here
//! all words after those of the base class are slots, and are cleared in turn. [`install`] measures where a class refers to its
//! function; a class with an unknown layout keeps Python's.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use pyo3::ffi;

use super::base_class::{self, FreeList, Layout, has_finalizer};

/// The number of words of a class that are searched for the function; a class has more.
const SEARCHED_WORDS: usize = 32;
/// Where all classes of class statements refer to their function, in words; 0 if it was not measured.
static WORD: AtomicUsize = AtomicUsize::new(0);
/// Python's function.
static ORIGINAL: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

/// How many deallocations may be inside of each other. Values that were decoded do not come near; slots set by other code may.
const MAX_DEPTH: usize = 64;

/// Deallocations that go on, and the objects that wait for the outermost one: those too deep inside of others, which would use up the
/// stack.
struct Running {
    depth: usize,
    waiting: Vec<(*mut ffi::PyObject, ffi::destructor)>,
}

struct Shared(UnsafeCell<Running>);

static RUNNING: Shared = Shared(UnsafeCell::new(Running { depth: 0, waiting: Vec::new() }));

// SAFETY: only code that has the GIL uses it.
unsafe impl Sync for Shared {}

/// Makes [`dealloc`] the function of a class with a free list. `B`: the base class in C from which it derives.
pub fn install<B: Layout>(list: &FreeList) {
    // SAFETY: the class is live and never freed, since its free list refers to it. A class is larger than the searched words, which are
    // read as addresses. The word that is replaced is the only one that contains the function, which is read back.
    unsafe {
        let original = ffi::PyType_GetSlot(list.class, ffi::Py_tp_dealloc);
        let words = list.class.cast::<*mut c_void>();
        let found: Vec<usize> =
            (0..SEARCHED_WORDS).filter(|word| *words.add(*word) == original).collect();
        let [word] = found[..] else { return };
        let known = ORIGINAL.swap(original, Ordering::Relaxed);
        if original.is_null() || !(known.is_null() || known == original) {
            ORIGINAL.store(known, Ordering::Relaxed);
            return;
        }
        WORD.store(word, Ordering::Relaxed);
        let ours = dealloc::<B> as ffi::destructor as *mut c_void;
        *words.add(word) = ours;
        if ffi::PyType_GetSlot(list.class, ffi::Py_tp_dealloc) != ours {
            *words.add(word) = original;
        }
    }
}

/// Gives a class Python's function again.
unsafe fn restore(list: &FreeList) -> ffi::destructor {
    let original = ORIGINAL.load(Ordering::Relaxed);
    // SAFETY: `install` has measured the word, and stored the function that it contained.
    unsafe {
        *list.class.cast::<*mut c_void>().add(WORD.load(Ordering::Relaxed)) = original;
        std::mem::transmute::<*mut c_void, ffi::destructor>(original)
    }
}

// SAFETY of all functions below: Python calls `dealloc`, or its function for classes below such a class does, only with objects of the
// class or of one below it, that nothing else refers to. Free lists, and so this function, exist only with a GIL.

unsafe extern "C" fn dealloc<B: Layout>(object: *mut ffi::PyObject) {
    unsafe {
        let class = ffi::Py_TYPE(object);
        let own = FreeList::of((*object.cast::<B>()).free_list());
        let list = match own {
            Some(list) if list.class == class => own,
            _ => FreeList::above(class), // made by Python, or of a class below
        };
        if let Some(list) = list
            && list.class == class
            && has_finalizer(class)
        {
            return restore(list)(object);
        }
        let running = RUNNING.0.get();
        if (*running).depth == MAX_DEPTH {
            (*running).waiting.push((object, dealloc::<B>));
            return;
        }
        (*running).depth += 1;
        ffi::PyObject_GC_UnTrack(object.cast());
        if let Some(list) = list {
            list.clear_slots(object);
        }
        base_class::dealloc::<B>(object);
        if (*running).depth == 1 {
            while let Some((object, dealloc)) = (*running).waiting.pop() {
                dealloc(object);
            }
        }
        (*running).depth -= 1;
    }
}
