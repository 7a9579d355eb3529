//! Methods: every receiver, associated functions, trait implementations and default bodies.
#![deny(warnings, missing_docs)]
#![forbid(unsafe_code)]

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use flags_runtime::{Flag, feature_flag};

mod flags {
    use flags_runtime::{Flag, feature_flag};

    #[feature_flag(name = "on", default = true, expires = "2099-03-01")]
    pub(crate) static ON: Flag<bool>;
}

#[feature_flag(name = "off", default = false, expires = "2099-03-01")]
static OFF: Flag<bool>;

#[derive(Clone, Default)]
struct Cart<T> {
    items: Vec<T>,
}

impl<T: Clone + Default> Cart<T> {
    fn old_value(self, _with: T) -> usize {
        self.items.len() + 100
    }

    #[feature_flag(flags::ON, off = Self::old_value)]
    fn value_on(mut self, with: T) -> usize {
        self.items.push(with);
        self.items.len()
    }

    #[feature_flag(OFF, off = Self::old_value)]
    fn value_off(mut self, with: T) -> usize {
        self.items.push(with);
        self.items.len()
    }

    #[feature_flag(crate::flags::ON, off = old_reference)]
    fn reference_on(&self) -> Option<&T> {
        self.items.first()
    }

    #[feature_flag(crate::OFF, off = old_reference)]
    fn reference_off(&self) -> Option<&T> {
        self.items.first()
    }

    fn old_mutable(&mut self, with: T) -> &mut T {
        self.items.insert(0, with);
        &mut self.items[0]
    }

    #[feature_flag(OFF, off = Cart::<T>::old_mutable)]
    fn mutable_off(&mut self, with: T) -> &mut T {
        self.items.push(with);
        let last = self.items.len() - 1;
        &mut self.items[last]
    }

    fn old_box(self: Box<Self>) -> &'static str {
        "old"
    }

    #[feature_flag(OFF, off = Self::old_box)]
    fn boxed_off(self: Box<Self>) -> &'static str {
        "new"
    }

    #[feature_flag(OFF, off = <Self as Old>::rc)]
    fn rc_off(self: Rc<Self>) -> &'static str {
        "new"
    }

    #[feature_flag(OFF, off = <Self as Old>::arc)]
    fn arc_off(self: &Arc<Self>) -> &'static str {
        "new"
    }

    #[feature_flag(OFF, off = <Self as Old>::pinned)]
    fn pinned_off(self: Pin<&mut Self>) -> &'static str {
        "new"
    }

    #[feature_flag(OFF, off = Default::default)]
    fn associated() -> Self {
        Self { items: vec![T::default()] }
    }

    #[feature_flag(OFF, off = Self::from_self)]
    fn another(other: Self, (a, _): (T, u8)) -> Self {
        Self { items: vec![a; other.items.len()] }
    }

    fn from_self(other: Self, _: (T, u8)) -> Self {
        other
    }

    #[feature_flag(flags::ON)]
    fn nobody(&mut self) {
        self.items.clear();
    }
}

fn old_reference<T>(_: &Cart<T>) -> Option<&T> {
    None
}

trait Old {
    fn rc(self: Rc<Self>) -> &'static str {
        "old"
    }

    fn arc(self: &Arc<Self>) -> &'static str {
        "old"
    }

    fn pinned(self: Pin<&mut Self>) -> &'static str {
        "old"
    }

    #[feature_flag(OFF, off = Self::by_old_default)]
    fn by_default(&self, _argument: u8) -> &'static str {
        "new"
    }

    fn by_old_default(&self, argument: u8) -> &'static str {
        if argument == 0 { "zero" } else { "old" }
    }

    fn implemented(&self) -> u8;
}

impl<T> Old for Cart<T> {
    #[feature_flag(OFF, off = Cart::<T>::implemented_before)]
    fn implemented(&self) -> u8 {
        1
    }
}

impl<T> Cart<T> {
    fn implemented_before(&self) -> u8 {
        2
    }
}

fn main() {
    let cart = || Cart { items: vec!['a', 'b'] };
    assert_eq!((cart().value_on('c'), cart().value_off('c')), (3, 102));
    assert_eq!((cart().reference_on(), cart().reference_off()), (Some(&'a'), None));
    let mut changed = cart();
    *changed.mutable_off('x') = 'y';
    assert_eq!(changed.items, ['y', 'a', 'b']);
    assert_eq!((Box::new(cart()).boxed_off(), Rc::new(cart()).rc_off()), ("old", "old"));
    assert_eq!((Arc::new(cart()).arc_off(), Pin::new(&mut cart()).pinned_off()), ("old", "old"));
    assert!(Cart::<u8>::associated().items.is_empty());
    assert_eq!(Cart::another(cart(), ('z', 0)).items, ['a', 'b']);
    assert_eq!((cart().by_default(1), cart().implemented()), ("old", 2));
    changed.nobody();
    assert!(changed.items.is_empty());
}
