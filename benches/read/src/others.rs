//! Flags that change beside those that are read, and are not read themselves.

use flags_runtime::{Flag, feature_flag};

macro_rules! others {
    ($($key:literal),* $(,)?) => {
        $(const _: () = {
            #[feature_flag(name = $key, default = false, expires = "2099-01-01")]
            static OTHER: Flag<bool>;
        };)*

        pub(crate) const KEYS: &[&str] = &[$($key),*];
    };
}

others! {
    "bench_other_0", "bench_other_1", "bench_other_2", "bench_other_3", "bench_other_4", "bench_other_5",
    "bench_other_6", "bench_other_7", "bench_other_8", "bench_other_9", "bench_other_10", "bench_other_11",
    "bench_other_12", "bench_other_13", "bench_other_14", "bench_other_15", "bench_other_16", "bench_other_17",
    "bench_other_18", "bench_other_19", "bench_other_20", "bench_other_21", "bench_other_22", "bench_other_23",
    "bench_other_24", "bench_other_25", "bench_other_26", "bench_other_27", "bench_other_28", "bench_other_29",
    "bench_other_30", "bench_other_31", "bench_other_32", "bench_other_33", "bench_other_34", "bench_other_35",
    "bench_other_36", "bench_other_37", "bench_other_38", "bench_other_39", "bench_other_40", "bench_other_41",
    "bench_other_42", "bench_other_43", "bench_other_44", "bench_other_45", "bench_other_46", "bench_other_47",
    "bench_other_48", "bench_other_49", "bench_other_50", "bench_other_51", "bench_other_52", "bench_other_53",
    "bench_other_54", "bench_other_55", "bench_other_56", "bench_other_57", "bench_other_58", "bench_other_59",
    "bench_other_60", "bench_other_61", "bench_other_62", "bench_other_63", "bench_other_64", "bench_other_65",
    "bench_other_66", "bench_other_67", "bench_other_68", "bench_other_69", "bench_other_70", "bench_other_71",
    "bench_other_72", "bench_other_73", "bench_other_74", "bench_other_75", "bench_other_76", "bench_other_77",
    "bench_other_78", "bench_other_79", "bench_other_80", "bench_other_81", "bench_other_82", "bench_other_83",
    "bench_other_84", "bench_other_85", "bench_other_86", "bench_other_87", "bench_other_88", "bench_other_89",
    "bench_other_90", "bench_other_91",
}
