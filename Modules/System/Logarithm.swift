import CLinux

/// The natural logarithm (log(3)).
package func naturalLogarithm(_ value: Double) -> Double { CLinux.log(value) }
