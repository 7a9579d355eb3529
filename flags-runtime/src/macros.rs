//! `flag!`, and the `macro_rules!` that the attribute and the derive expand to.
//!
//! The attribute decides nothing of the runtime: it fills in these, so an expansion is ordinary Rust. All names inside
//! are absolute, and no token of `unsafe` carries a user's span.

/// Reads a flag and records the call site in the binary.
///
/// | form | gives |
/// |---|---|
/// | `flag!(X)` | the value for the ambient context |
/// | `flag!(X, &ctx)` | the value for a context |
/// | `flag!(X, details)`, `flag!(X, &ctx, details)` | [`EvaluationDetails`](crate::EvaluationDetails): the value and why |
/// | `flag!(X, explain)`, `flag!(X, &ctx, explain)` | [`Explanation`](crate::Explanation): every step |
/// | `flag!(X, exposed)`, `flag!(X, &ctx, exposed)` | the value, and says that it is shown now: an [`Exposure`](crate::exposure::Exposure) |
///
/// `details`, `explain` and `exposed` are words here, not variables: write `&(details)` for a context of that name. `X` is a path to
/// a static; a misspelt one does not compile. A bool, number or enum comes by value, a `String` or
/// `Json<T>` as a [`FlagRef`](crate::FlagRef).
///
/// ```
/// use flags_runtime::{EvaluationContext, Flag, Reason, feature_flag, flag};
///
/// /// Checkout on the new cart service.
/// #[feature_flag(name = "new_checkout", default = false, expires = "2099-03-01")]
/// static NEW_CHECKOUT: Flag<bool>;
///
/// # fn main() {
/// let ctx = EvaluationContext::new("user-42");
/// assert!(!flag!(NEW_CHECKOUT, &ctx));
/// assert_eq!(flag!(NEW_CHECKOUT, &ctx, details).reason, Reason::Default);
/// # }
/// ```
#[macro_export]
macro_rules! flag {
    ($flag:path $(,)?) => {
        $crate::__private::read_at_run_time($crate::__flags_recorded!($flag))
    };
    ($flag:path, details $(,)?) => {
        $crate::__private::details($crate::__flags_recorded!($flag))
    };
    ($flag:path, explain $(,)?) => {
        $crate::__private::explain($crate::__flags_recorded!($flag))
    };
    ($flag:path, exposed $(,)?) => {
        $crate::__private::exposed($crate::__flags_recorded!($flag))
    };
    ($flag:path, $ctx:expr $(,)?) => {
        $crate::__private::read_at_run_time_for($crate::__flags_recorded!($flag), $ctx)
    };
    ($flag:path, $ctx:expr, details $(,)?) => {
        $crate::__private::details_for($crate::__flags_recorded!($flag), $ctx)
    };
    ($flag:path, $ctx:expr, explain $(,)?) => {
        $crate::__private::explain_for($crate::__flags_recorded!($flag), $ctx)
    };
    ($flag:path, $ctx:expr, exposed $(,)?) => {
        $crate::__private::exposed_for($crate::__flags_recorded!($flag), $ctx)
    };
    ($flag:path, $ctx:expr, $($word:tt)+) => {
        ::core::compile_error!(::core::concat!(
            "`flag!` has no form `", ::core::stringify!($($word)+), "`: behind the context stands `details`, `explain`, \
             `exposed` or nothing"
        ))
    };
    ($name:literal $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "a flag is not read by its name: write the path of its static instead of `", ::core::stringify!($name),
            "`, like `flag!(NEW_CHECKOUT)`"
        ))
    };
    ($($other:tt)*) => {
        ::core::compile_error!(
            "`flag!` takes the path of one flag: write `flag!(NEW_CHECKOUT)` or `flag!(NEW_CHECKOUT, &ctx)`"
        )
    };
}

/// Runs a block beside the one that it is to replace, and gives what the answering one comes to.
///
/// ```text
/// dark_launch!(FLAG, control => expression, candidate => closure)
/// dark_launch!(FLAG, control => async { .. }, candidate => async { .. }).await
/// dark_launch!(FLAG, &ctx, control => .., candidate => .., sample => 10.0, ignore => |legacy: &u32, new: &u32| ..)
/// ```
///
/// `FLAG` is the path of a `Flag<bool>` (off, or shadow) or of a [`Flag<Stage>`](crate::dark_launch::Stage). What stands
/// behind `candidate` are the methods of [`Experiment`](crate::dark_launch::Experiment) that are to be called, in this
/// order, a closure with the types of its parameters; results need `PartialEq` and `Debug`, unless `keep` comes first. Of
/// futures both are written as `async { .. }` blocks. The control is put into a closure, or stays an `async` block: a `?` or
/// `return` in it ends it alone.
///
/// ```
/// use flags_runtime::{Flag, dark_launch, feature_flag};
///
/// #[feature_flag(name = "new_sum", default = false, expires = "2099-03-01")]
/// static NEW_SUM: Flag<bool>;
///
/// # fn main() {
/// let numbers = [1, 2, 3];
/// let sum: i32 = dark_launch!(
///     NEW_SUM,
///     control => numbers.iter().sum(),
///     candidate => || numbers.iter().fold(0, |sum, number| sum + number),
///     sample => 10.0,
/// );
/// assert_eq!(sum, 6);
/// # }
/// ```
#[macro_export]
macro_rules! dark_launch {
    ($flag:path, control => $($rest:tt)+) => {
        $crate::__flags_dark_launch!([$flag, ::core::option::Option::None] $($rest)+)
    };
    ($flag:path, candidate => $($rest:tt)*) => {
        ::core::compile_error!("in `dark_launch!` who answers comes first: write `control => legacy(x), candidate => || new(x)`")
    };
    ($name:literal $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "a flag is not named by its name: write the path of its static instead of `", ::core::stringify!($name), "`"
        ))
    };
    ($flag:path, $ctx:expr, control => $($rest:tt)+) => {
        $crate::__flags_dark_launch!([$flag, ::core::option::Option::Some($ctx)] $($rest)+)
    };
    ($($other:tt)*) => {
        ::core::compile_error!(
            "write `dark_launch!(FLAG, control => legacy(x), candidate => || new(x))`, with `&ctx` behind the flag if there is one"
        )
    };
}

/// The part of [`dark_launch!`] behind `control =>`.
#[doc(hidden)]
#[macro_export]
macro_rules! __flags_dark_launch {
    (
        [$flag:path, $ctx:expr] async $($control_move:ident)? $control:block,
        candidate => async $($candidate_move:ident)? $candidate:block $(, $option:ident => $value:expr)* $(,)?
    ) => {
        $crate::__private::Experiment::decided($crate::__private::decided($crate::__flags_recorded!($flag), $ctx))
            $(.$option($value))*
            .run_async(|| async $($control_move)? $control, || async $($candidate_move)? $candidate)
    };
    ([$flag:path, $ctx:expr] $control:expr, candidate => $candidate:expr $(, $option:ident => $value:expr)* $(,)?) => {
        $crate::__private::Experiment::decided($crate::__private::decided($crate::__flags_recorded!($flag), $ctx))
            $(.$option($value))*
            .run(|| $control, $candidate)
    };
    // Alone it is a plain call: there is nothing to compare it with.
    ([$flag:path, $ctx:expr] $control:expr $(,)?) => {{
        let _ = $crate::__flags_recorded!($flag);
        $control
    }};
    ([$flag:path, $ctx:expr] $($other:tt)*) => {
        ::core::compile_error!(
            "behind `control => legacy(x)` stands `candidate => || new(x)`, and then options like `sample => 10.0`"
        )
    };
}

/// A flag by reference, and the record of the call site beside it. The call is the whole of `flag!`, so that a reference
/// to its value coerces as any other: `let title: &str = &flag!(TITLE);`
#[doc(hidden)]
#[macro_export]
macro_rules! __flags_recorded {
    ($flag:path) => {{
        // A use of an expired flag is told at the reference below, and once is enough. Not `allow(deprecated)`, which is
        // an error where a crate forbids it, of live flags too.
        #[allow(warnings)]
        #[used]
        #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__fflags"))]
        #[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".fflags"))]
        static __FLAGS_RECORD: [::core::primitive::u8; $crate::__private::site_record_len(&$crate::__flags_site!())] =
            // In a block, what is no flag is the same error as at the reference below, and is told once.
            $crate::__private::site_record($crate::__private::declaration({ &$flag }), &$crate::__flags_site!());
        &$flag
    }};
}

/// Where a call site is.
#[doc(hidden)]
#[macro_export]
macro_rules! __flags_site {
    () => {
        $crate::__private::Site {
            embed: ::core::option_env!("FLAGS_EMBED"),
            package: ::core::option_env!("CARGO_PKG_NAME"),
            version: ::core::option_env!("CARGO_PKG_VERSION"),
            file: ::core::file!(),
            place: ::core::concat!(
                "\"file\":\"",
                ::core::file!(),
                "\",\"line\":",
                ::core::line!(),
                ",\"col\":",
                ::core::column!(),
                ",\"mod\":\"",
                ::core::module_path!(),
                "\"}\n"
            ),
        }
    };
}

/// The initialiser of a declared flag; the token order is the contract with the attribute.
#[doc(hidden)]
#[macro_export]
macro_rules! __flags_declare {
    (
        static = $id:ident, type = $type:ty, name = $name:literal, key = $key:literal,
        default = value($default:expr), $($rest:tt)*
    ) => {{
        struct __FlagsDefault;
        impl $crate::__private::ConstDefault for __FlagsDefault {
            type Value =
                <<$type as $crate::__private::FlagItem>::Value as $crate::__private::FlagValue>::Default;
            const VALUE: Self::Value = $default;
        }
        $crate::__flags_declare_with! {
            $id, $type, $name, $key,
            <<<$type as $crate::__private::FlagItem>::Value as $crate::__private::FlagValue>::Text<__FlagsDefault>
                as $crate::__private::DefaultText>::TEXT,
            $crate::__private::DefaultValue::constant(<__FlagsDefault as $crate::__private::ConstDefault>::VALUE),
            $($rest)*
        }
    }};
    (
        static = $id:ident, type = $type:ty, name = $name:literal, key = $key:literal,
        default = call($make:expr), $($rest:tt)*
    ) => {
        $crate::__flags_declare_with! {
            $id, $type, $name, $key,
            $crate::__private::TextValue::Expression,
            // The type is named, so that a function of another type is an error at its own name.
            $crate::__private::DefaultValue::<<$type as $crate::__private::FlagItem>::Value>::made_by($make),
            $($rest)*
        }
    };
}

/// The part of [`__flags_declare`] that is the same for constant and made defaults.
#[doc(hidden)]
#[macro_export]
macro_rules! __flags_declare_with {
    (
        $id:ident, $type:ty, $name:literal, $key:literal, $text:expr, $default:expr,
        default_expr = $expression:literal, expires = $expires:literal, expired_from = $expired_from:literal,
        never = $never:literal, owner = $owner:literal, created = $created:literal, ticket = $ticket:literal,
        kind = $kind:literal, public = $public:tt, provider = $provider:literal, outage_limit = $outage_limit:literal,
        doc = $doc:literal, line = $line:literal, column = $column:literal,
        record = [$is_full:literal, $before:expr, $expression_json:literal, $after:literal],
        tracked = [$($tracked:expr),*] $(,)?
    ) => {{
        const __FLAGS_TEXT: $crate::__private::FlagText = $crate::__private::FlagText {
            before: $before,
            is_full: $is_full,
            module: ::core::module_path!(),
            shape: <<$type as $crate::__private::FlagItem>::Value as $crate::__private::FlagValue>::SHAPE,
            default: $text,
            expression: $expression_json,
            after: $after,
            tracked: &[$($tracked),*],
        };
        #[used]
        #[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__fflags"))]
        #[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".fflags"))]
        static __FLAGS_RECORD: [::core::primitive::u8; $crate::__private::flag_record_len(&__FLAGS_TEXT)] =
            $crate::__private::flag_record(&__FLAGS_TEXT);
        static __FLAGS_DECLARATION: $crate::__private::Declaration = $crate::__private::Declaration::new(
            $crate::__private::Metadata {
                name: $name,
                key: $key,
                shape: __FLAGS_TEXT.shape,
                default_expression: $expression,
                expires: $expires,
                expired_from: $expired_from,
                never: $never,
                owner: $owner,
                created: $created,
                ticket: $ticket,
                kind: $kind,
                public: $crate::__flags_public!($public, $id),
                provider: $provider,
                outage_limit: $outage_limit,
                doc: $doc,
                place: $crate::__private::Place {
                    package: $crate::__private::env_or_empty(::core::option_env!("CARGO_PKG_NAME")),
                    version: $crate::__private::env_or_empty(::core::option_env!("CARGO_PKG_VERSION")),
                    file: ::core::file!(),
                    line: $line,
                    column: $column,
                    module: ::core::module_path!(),
                },
            },
            <<$type as $crate::__private::FlagItem>::Value as $crate::__private::FlagValue>::decode,
            || $id.__default_bits(),
            &__FLAGS_RECORD,
        );
        // In here, what names the flag shares its deprecation, and is no use of an expired flag to rustc.
        $crate::__private::inventory::submit! { $crate::__private::Registration($id.__any()) }
        <$type>::__new(&__FLAGS_DECLARATION, $default)
    }};
}

/// How clients outside are answered, if they are; of other flags nothing is asked that only public ones need.
#[doc(hidden)]
#[macro_export]
macro_rules! __flags_public {
    (true, $id:ident) => {
        ::core::option::Option::Some(|ctx| $crate::__private::public_answer(&$id, ctx))
    };
    (false, $id:ident) => {
        ::core::option::Option::None
    };
}

/// The initialiser of a flag whose declaration is in error: it type-checks, so that the one error stands alone.
#[doc(hidden)]
#[macro_export]
macro_rules! __flags_stand_in {
    ($type:ty) => {
        $crate::__private::stand_in()
    };
}

/// What `#[derive(FlagValue)]` expands to.
#[doc(hidden)]
#[macro_export]
macro_rules! __flags_enum {
    (
        type = $type:ty,
        variants = [ ($first:ident, $($of_first:tt)*) $(, $more:tt)* $(,)? ] $(,)?
    ) => {
        $crate::__flags_enum_with! { $type, $first, [ ($first, $($of_first)*) $(, $more)* ] }
    };
}

/// The part of [`__flags_enum`] that knows the first variant, which bits that nobody made fall back to.
#[doc(hidden)]
#[macro_export]
macro_rules! __flags_enum_with {
    (
        $type:ty, $first:ident,
        [ $( ($variant:ident, $bits:literal, $name:literal, [$($alias:literal),* $(,)?]) ),* ]
    ) => {
        const _: () = {
            impl $crate::__private::Scalar for $type {
                const SHAPE: $crate::__private::Shape =
                    $crate::__private::Shape {
                        name: "enum",
                        variants: &[$($name),*],
                        idents: &[$(::core::stringify!($variant)),*],
                        is_switch: false,
                    };
                type Text<__D: $crate::__private::ConstDefault<Value = Self>> = __FlagsText<__D>;

                #[inline]
                fn to_bits(&self) -> ::core::primitive::u64 {
                    match *self { $( Self::$variant => $bits, )* }
                }

                fn from_bits(bits: ::core::primitive::u64) -> Self {
                    // Only `to_bits` makes bits.
                    <Self as $crate::__private::Scalar>::from_settled(bits).unwrap_or(Self::$first)
                }

                #[inline]
                fn from_settled(bits: ::core::primitive::u64) -> ::core::option::Option<Self> {
                    match bits {
                        $( $bits => ::core::option::Option::Some(Self::$variant), )*
                        _ => ::core::option::Option::None,
                    }
                }

                fn decode(
                    text: &::core::primitive::str,
                ) -> ::core::result::Result<::core::option::Option<Self>, $crate::__private::String> {
                    let index = $crate::__private::decode_variant(text, &[$( &[$name $(, $alias)*] ),*], &[$($name),*])?;
                    ::core::result::Result::Ok(::core::option::Option::Some(
                        <Self as $crate::__private::Scalar>::from_bits(index as ::core::primitive::u64),
                    ))
                }

                fn variant(&self) -> ::core::option::Option<&'static ::core::primitive::str> {
                    ::core::option::Option::Some(match *self { $( Self::$variant => $name, )* })
                }
            }

            #[doc(hidden)]
            pub struct __FlagsText<D>(D);

            impl<D: $crate::__private::ConstDefault<Value = $type>> $crate::__private::DefaultText for __FlagsText<D> {
                const TEXT: $crate::__private::TextValue =
                    $crate::__private::TextValue::String(match D::VALUE { $( <$type>::$variant => $name, )* });
            }
        };
    };
}
