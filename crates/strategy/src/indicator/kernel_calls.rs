//! Macros that turn one line about a TA-Lib function into its calls.
//!
//! TA-Lib has a method and a type of its own for each function, and each method its own number of inputs, parameters and
//! outputs. These macros spell them out from a table (`kernel.rs`), so that adding a function is adding a line.

/// Reads one input of a function from a bar.
macro_rules! bar_input {
    ($bar:ident $source:ident real) => {
        $source.of($bar)
    };
    ($bar:ident $source:ident $field:ident) => {
        $bar.$field
    };
}

/// Reads one parameter of a function.
macro_rules! argument {
    ($parameters:ident n0) => {
        whole($parameters, 0)
    };
    ($parameters:ident n1) => {
        whole($parameters, 1)
    };
    ($parameters:ident n2) => {
        whole($parameters, 2)
    };
    ($parameters:ident r0) => {
        $parameters[0]
    };
    ($parameters:ident r1) => {
        $parameters[1]
    };
    ($parameters:ident r2) => {
        $parameters[2]
    };
    ($parameters:ident sma) => {
        MAType::SMA
    };
    ($parameters:ident one) => {
        1.0
    };
}

/// Calls a function over columns. The letters in brackets are the types of its outputs.
macro_rules! batch_call {
    ($function:ident $end:ident $outputs:ident [f] $($argument:expr,)+) => {{
        let [one, _, _] = $outputs;
        Core::new().$function(0, $end, $($argument,)+ one)
    }};
    ($function:ident $end:ident $outputs:ident [f f] $($argument:expr,)+) => {{
        let [one, two, _] = $outputs;
        Core::new().$function(0, $end, $($argument,)+ one, two)
    }};
    ($function:ident $end:ident $outputs:ident [f f f] $($argument:expr,)+) => {{
        let [one, two, three] = $outputs;
        Core::new().$function(0, $end, $($argument,)+ one, two, three)
    }};
    ($function:ident $end:ident $outputs:ident [f i] $($argument:expr,)+) => {{
        let [one, two, _] = $outputs;
        let mut whole_numbers = vec![0; two.len()];
        let done = Core::new().$function(0, $end, $($argument,)+ one, &mut whole_numbers);
        for (to, from) in two.iter_mut().zip(whole_numbers) {
            *to = f64::from(from);
        }
        done
    }};
}

/// Declares [`Formula`](super::kernel::Formula) and [`TaKernel`](super::kernel::TaKernel) from the table.
macro_rules! kernels {
    ($($variant:ident $id:ident $name:literal $batch:ident $lookback:ident $open:ident $stream:ident
       ($($input:ident)+) ($($parameter:ident)*) [$($kind:ident)+] [$($output:literal)+];)+) => {
        /// A formula of the catalogue.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Formula {
            $($variant,)+
            /// The formulas that are ours, in `own_kernel.rs`.
            Vwap,
            Zscore,
        }

        impl Formula {
            /// Every formula.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant,)+ Self::Vwap, Self::Zscore];

            /// The name in TA-Lib's registry.
            pub(crate) const fn ta_id(self) -> Option<FuncId> {
                match self {
                    $(Self::$variant => Some(FuncId::$id),)+
                    Self::Vwap | Self::Zscore => None,
                }
            }

            /// The name in text.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                    Self::Vwap => "vwap",
                    Self::Zscore => "zscore",
                }
            }

            /// The names of the outputs; the first is the one that is meant when none is named.
            pub(crate) const fn outputs(self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => &[$($output),+],)+
                    Self::Vwap | Self::Zscore => &["value"],
                }
            }

            /// The number of parameters that a user may set.
            pub(crate) const fn parameter_count(self) -> usize {
                match self {
                    $(Self::$variant => most(&[$(stringify!($parameter)),*]),)+
                    Self::Vwap => 0,
                    Self::Zscore => 1,
                }
            }

            /// The figures of a bar that go in.
            pub(crate) const fn inputs(self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => &[$(stringify!($input)),+],)+
                    Self::Vwap => &["high", "low", "close", "volume"],
                    Self::Zscore => &["real"],
                }
            }
        }

        /// The state of a TA-Lib function that is fed bar by bar.
        #[derive(Clone, Debug)]
        #[expect(clippy::large_enum_variant, reason = "it is kept in a box, and made once")]
        pub(crate) enum TaKernel {
            $($variant($stream),)+
        }

        impl TaKernel {
            /// Starts a function on the bars that it needs before its first value.
            pub(crate) fn open(
                formula: Formula,
                inputs: &InputColumns<'_>,
                parameters: &[f64],
                rest: &mut Rest,
            ) -> Result<(Self, f64), RetCode> {
                match formula {
                    $(Formula::$variant => Core::new()
                        .$open($(inputs.$input,)+ $(argument!(parameters $parameter)),*)
                        .map(|(stream, outputs)| (Self::$variant(stream), outputs.split(rest))),)+
                    Formula::Vwap | Formula::Zscore => Err(RetCode::FuncNotFound),
                }
            }

            /// Takes a bar, and returns the first output; none if a figure is not finite.
            pub(crate) fn update(&mut self, bar: &Candle, source: PriceSource, rest: &mut Rest) -> Option<f64> {
                match self {
                    $(Self::$variant(stream) => match stream.update($(bar_input!(bar source $input)),+) {
                        Ok(outputs) => Some(outputs.split(rest)),
                        Err(_) => None,
                    })+
                }
            }

            /// Evaluates a bar that has not closed.
            pub(crate) fn peek(&self, bar: &Candle, source: PriceSource, rest: &mut Rest) -> Option<f64> {
                match self {
                    $(Self::$variant(stream) => match stream.peek($(bar_input!(bar source $input)),+) {
                        Ok(outputs) => Some(outputs.split(rest)),
                        Err(_) => None,
                    })+
                }
            }

            /// Writes the values of a whole run of bars, from the first bar that has one on.
            pub(crate) fn batch(
                formula: Formula,
                inputs: &InputColumns<'_>,
                parameters: &[f64],
                outputs: [&mut [f64]; 3],
            ) -> Result<(), RetCode> {
                let end = inputs.real.len().saturating_sub(1);
                match formula {
                    $(Formula::$variant => batch_call!($batch end outputs [$($kind)+]
                        $(inputs.$input,)+ $(argument!(parameters $parameter),)*).map(|_| ()),)+
                    Formula::Vwap | Formula::Zscore => Err(RetCode::FuncNotFound),
                }
            }

            /// Returns the number of bars that pass before the first value.
            pub(crate) fn lookback(formula: Formula, parameters: &[f64]) -> Result<usize, RetCode> {
                match formula {
                    $(Formula::$variant => Core::new().$lookback($(argument!(parameters $parameter)),*),)+
                    Formula::Vwap => Ok(0),
                    Formula::Zscore => Ok(parameters.first().map_or(0, |period| *period as usize).saturating_sub(1)),
                }
            }
        }
    };
}
