//! The formulas of the catalogue and how TA-Lib computes each.
//!
//! A line of the table: our variant, TA-Lib's identifier, the name in text, the batch function, its lookback, its opener
//! and stream, the figures of a bar that go in (`real` is the chosen price source), the parameters (`n` whole, `r` real, by
//! position), the types of the outputs, and their names.

use market_backbone_core::Candle;
use ta_lib::{
    AdStream, AdoscStream, AdxStream, AdxrStream, AlmaStream, AroonStream, AroonoscStream, AtrStream,
    AvgdevStream, BbandsStream, BbwStream, BopStream, CciStream, ChopStream, CmfStream, CmoStream, Core,
    DemaStream, DonchianStream, DxStream, EfiStream, EmaStream, ErStream, HmaStream, IbsStream, KamaStream,
    KcStream, LinearregSlopeStream, LinearregStream, MAType, MacdStream, MaxStream, MedianStream, MfiStream,
    MidpointStream, MidpriceStream, MinStream, MinusDiStream, MomStream, NatrStream, ObvStream,
    PercentbStream, PercentrankStream, PlusDiStream, RetCode, RmaStream, RocStream, RocpStream, RsiStream,
    RvolStream, SarStream, SmaStream, StddevStream, StochStream, StochfStream, StochrsiStream, SumStream,
    SupertrendStream, T3Stream, TemaStream, TrangeStream, TrimaStream, TrixStream, TsfStream, TsiStream,
    UltoscStream, VarStream, VortexStream, VwmaStream, WillrStream, WmaStream, ZlemaStream,
    abstract_api::FuncId,
};

use super::input_columns::InputColumns;
use super::price_source::PriceSource;

/// The second and third output of a formula; zero where it has none.
pub(crate) type Rest = [f64; 2];

/// The outputs of a formula at one bar. What a formula has no output for is zero; what has no value is not finite.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FormulaValues {
    first: f64,
    rest: Rest,
}

impl FormulaValues {
    pub(crate) const fn new(first: f64, rest: Rest) -> Self {
        Self { first, rest }
    }

    #[inline]
    pub(crate) const fn get(&self, place: usize) -> f64 {
        match place {
            0 => self.first,
            1 => self.rest[0],
            _ => self.rest[1],
        }
    }
}

/// Puts the outputs of a TA-Lib function into one shape.
///
/// The first is returned, and so stays in a register; only a function that has more writes them to memory. Three numbers
/// that travel through memory together are copied in pieces that the processor cannot forward, which costs three times as
/// much as most formulas.
trait Outputs {
    fn split(self, rest: &mut Rest) -> f64;
}

impl Outputs for f64 {
    #[inline]
    fn split(self, _: &mut Rest) -> f64 {
        self
    }
}

impl Outputs for (f64, f64) {
    #[inline]
    fn split(self, rest: &mut Rest) -> f64 {
        rest[0] = self.1;
        self.0
    }
}

impl Outputs for (f64, i32) {
    #[inline]
    fn split(self, rest: &mut Rest) -> f64 {
        rest[0] = f64::from(self.1);
        self.0
    }
}

impl Outputs for (f64, f64, f64) {
    #[inline]
    fn split(self, rest: &mut Rest) -> f64 {
        *rest = [self.1, self.2];
        self.0
    }
}

/// Returns a parameter as the whole number that its check made sure of.
fn whole(parameters: &[f64], place: usize) -> i32 {
    parameters[place] as i32
}

/// Returns one more than the highest position that a list of parameters such as `n0 r1 r1 sma` names.
const fn most(parameters: &[&str]) -> usize {
    let (mut most, mut row) = (0, 0);
    while row < parameters.len() {
        let name = parameters[row].as_bytes();
        if name.len() == 2 && (name[1] - b'0') as usize >= most {
            most = (name[1] - b'0') as usize + 1;
        }
        row += 1;
    }
    most
}

#[rustfmt::skip]
kernels! {
    Sma SMA "sma" sma sma_lookback sma_open SmaStream (real) (n0) [f] ["value"];
    Ema EMA "ema" ema ema_lookback ema_open EmaStream (real) (n0) [f] ["value"];
    Wma WMA "wma" wma wma_lookback wma_open WmaStream (real) (n0) [f] ["value"];
    Rma RMA "rma" rma rma_lookback rma_open RmaStream (real) (n0) [f] ["value"];
    Dema DEMA "dema" dema dema_lookback dema_open DemaStream (real) (n0) [f] ["value"];
    Tema TEMA "tema" tema tema_lookback tema_open TemaStream (real) (n0) [f] ["value"];
    T3 T3 "t3" t3 t3_lookback t3_open T3Stream (real) (n0 r1) [f] ["value"];
    Hma HMA "hma" hma hma_lookback hma_open HmaStream (real) (n0) [f] ["value"];
    Zlema ZLEMA "zlema" zlema zlema_lookback zlema_open ZlemaStream (real) (n0) [f] ["value"];
    Alma ALMA "alma" alma alma_lookback alma_open AlmaStream (real) (n0 r1 r2) [f] ["value"];
    Kama KAMA "kama" kama kama_lookback kama_open KamaStream (real) (n0) [f] ["value"];
    Trima TRIMA "trima" trima trima_lookback trima_open TrimaStream (real) (n0) [f] ["value"];
    Vwma VWMA "vwma" vwma vwma_lookback vwma_open VwmaStream (real volume) (n0) [f] ["value"];
    Macd MACD "macd" macd macd_lookback macd_open MacdStream (real) (n0 n1 n2) [f f f] ["macd" "signal" "hist"];
    Bbands BBANDS "bbands" bbands bbands_lookback bbands_open BbandsStream (real) (n0 r1 r1 sma) [f f f] ["upper" "middle" "lower"];
    Percentb PERCENTB "percentb" percentb percentb_lookback percentb_open PercentbStream (real) (n0 r1 r1 sma) [f] ["value"];
    Bbw BBW "bbw" bbw bbw_lookback bbw_open BbwStream (real) (n0 r1 r1 sma) [f] ["value"];
    Donchian DONCHIAN "donchian" donchian donchian_lookback donchian_open DonchianStream (high low) (n0) [f f f] ["upper" "middle" "lower"];
    Kc KC "kc" kc kc_lookback kc_open KcStream (high low close) (n0 n1 r2) [f f f] ["upper" "middle" "lower"];
    Supertrend SUPERTREND "supertrend" supertrend supertrend_lookback supertrend_open SupertrendStream (high low close) (n0 r1) [f i] ["value" "trend"];
    Sar SAR "sar" sar sar_lookback sar_open SarStream (high low) (r0 r1) [f] ["value"];
    Max MAX "max" max max_lookback max_open MaxStream (real) (n0) [f] ["value"];
    Min MIN "min" min min_lookback min_open MinStream (real) (n0) [f] ["value"];
    Sum SUM "sum" sum sum_lookback sum_open SumStream (real) (n0) [f] ["value"];
    Midpoint MIDPOINT "midpoint" midpoint midpoint_lookback midpoint_open MidpointStream (real) (n0) [f] ["value"];
    Midprice MIDPRICE "midprice" midprice midprice_lookback midprice_open MidpriceStream (high low) (n0) [f] ["value"];
    Median MEDIAN "median" median median_lookback median_open MedianStream (real) (n0) [f] ["value"];
    Percentrank PERCENTRANK "percentrank" percentrank percentrank_lookback percentrank_open PercentrankStream (real) (n0) [f] ["value"];
    Stddev STDDEV "stddev" stddev stddev_lookback stddev_open StddevStream (real) (n0 one) [f] ["value"];
    Var VAR "var" var var_lookback var_open VarStream (real) (n0 one) [f] ["value"];
    Avgdev AVGDEV "avgdev" avgdev avgdev_lookback avgdev_open AvgdevStream (real) (n0) [f] ["value"];
    Linearreg LINEARREG "linearreg" linearreg linearreg_lookback linearreg_open LinearregStream (real) (n0) [f] ["value"];
    LinearregSlope LINEARREG_SLOPE "linearreg_slope" linearreg_slope linearreg_slope_lookback linearreg_slope_open LinearregSlopeStream (real) (n0) [f] ["value"];
    Tsf TSF "tsf" tsf tsf_lookback tsf_open TsfStream (real) (n0) [f] ["value"];
    Rsi RSI "rsi" rsi rsi_lookback rsi_open RsiStream (real) (n0) [f] ["value"];
    Cmo CMO "cmo" cmo cmo_lookback cmo_open CmoStream (real) (n0) [f] ["value"];
    Stochrsi STOCHRSI "stochrsi" stochrsi stochrsi_lookback stochrsi_open StochrsiStream (real) (n0 n1 n2 sma) [f f] ["k" "d"];
    Stoch STOCH "stoch" stoch stoch_lookback stoch_open StochStream (high low close) (n0 n1 sma n2 sma) [f f] ["k" "d"];
    Stochf STOCHF "stochf" stochf stochf_lookback stochf_open StochfStream (high low close) (n0 n1 sma) [f f] ["k" "d"];
    Willr WILLR "willr" willr willr_lookback willr_open WillrStream (high low close) (n0) [f] ["value"];
    Cci CCI "cci" cci cci_lookback cci_open CciStream (high low close) (n0) [f] ["value"];
    Mom MOM "mom" mom mom_lookback mom_open MomStream (real) (n0) [f] ["value"];
    Roc ROC "roc" roc roc_lookback roc_open RocStream (real) (n0) [f] ["value"];
    Rocp ROCP "rocp" rocp rocp_lookback rocp_open RocpStream (real) (n0) [f] ["value"];
    Trix TRIX "trix" trix trix_lookback trix_open TrixStream (real) (n0) [f] ["value"];
    Tsi TSI "tsi" tsi tsi_lookback tsi_open TsiStream (real) (n0 n1) [f] ["value"];
    Ultosc ULTOSC "ultosc" ultosc ultosc_lookback ultosc_open UltoscStream (high low close) (n0 n1 n2) [f] ["value"];
    Er ER "er" er er_lookback er_open ErStream (real) (n0) [f] ["value"];
    Aroon AROON "aroon" aroon aroon_lookback aroon_open AroonStream (high low) (n0) [f f] ["down" "up"];
    Aroonosc AROONOSC "aroonosc" aroonosc aroonosc_lookback aroonosc_open AroonoscStream (high low) (n0) [f] ["value"];
    Bop BOP "bop" bop bop_lookback bop_open BopStream (open high low close) () [f] ["value"];
    Ibs IBS "ibs" ibs ibs_lookback ibs_open IbsStream (high low close) () [f] ["value"];
    Atr ATR "atr" atr atr_lookback atr_open AtrStream (high low close) (n0) [f] ["value"];
    Natr NATR "natr" natr natr_lookback natr_open NatrStream (high low close) (n0) [f] ["value"];
    Trange TRANGE "trange" trange trange_lookback trange_open TrangeStream (high low close) () [f] ["value"];
    Adx ADX "adx" adx adx_lookback adx_open AdxStream (high low close) (n0) [f] ["value"];
    Adxr ADXR "adxr" adxr adxr_lookback adxr_open AdxrStream (high low close) (n0) [f] ["value"];
    Dx DX "dx" dx dx_lookback dx_open DxStream (high low close) (n0) [f] ["value"];
    PlusDi PLUS_DI "plus_di" plus_di plus_di_lookback plus_di_open PlusDiStream (high low close) (n0) [f] ["value"];
    MinusDi MINUS_DI "minus_di" minus_di minus_di_lookback minus_di_open MinusDiStream (high low close) (n0) [f] ["value"];
    Vortex VORTEX "vortex" vortex vortex_lookback vortex_open VortexStream (high low close) (n0) [f f] ["plus" "minus"];
    Chop CHOP "chop" chop chop_lookback chop_open ChopStream (high low close) (n0) [f] ["value"];
    Obv OBV "obv" obv obv_lookback obv_open ObvStream (real volume) () [f] ["value"];
    Ad AD "ad" ad ad_lookback ad_open AdStream (high low close volume) () [f] ["value"];
    Adosc ADOSC "adosc" adosc adosc_lookback adosc_open AdoscStream (high low close volume) (n0 n1) [f] ["value"];
    Cmf CMF "cmf" cmf cmf_lookback cmf_open CmfStream (high low close volume) (n0) [f] ["value"];
    Mfi MFI "mfi" mfi mfi_lookback mfi_open MfiStream (high low close volume) (n0) [f] ["value"];
    Efi EFI "efi" efi efi_lookback efi_open EfiStream (close volume) (n0) [f] ["value"];
    Rvol RVOL "rvol" rvol rvol_lookback rvol_open RvolStream (volume) (n0) [f] ["value"];
}
