package slo

import "math"

// wilson bounds the true share of bad events when so many of n were bad. z is
// the normal quantile of the confidence wanted on each side. Bad events need
// not be whole: rates extrapolate.
func wilson(bad, n, z float64) (low, high float64) {
	if !(n > 0) || bad < 0 || bad > n {
		return 0, 1
	}
	p := bad / n
	mid := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, mid-half), min(1, mid+half)
}

// poissonBounds bounds the expected number of events when k were counted, by
// Byar's approximation to the exact limits.
func poissonBounds(k, z float64) (low, high float64) {
	if k < 0 || !finite(k) {
		return 0, math.Inf(1)
	}
	cube := func(n, z float64) float64 {
		x := 1 - 1/(9*n) + z/(3*math.Sqrt(n))
		return n * x * x * x
	}
	if k > 0 {
		low = max(0, cube(k, -z))
	}
	return low, cube(k+1, z)
}

// RateRatio compares two rates of bad events, each a number of bad ones over
// an exposure (events or seconds): how many times the first is the second,
// with a confidence interval. Given the sum of both, the first number is
// binomial, whatever the rates are; z is the normal quantile on each side.
// Nothing bad on either side says nothing: the interval is everything.
func RateRatio(bad1, exposure1, bad0, exposure0, z float64) (ratio, low, high float64) {
	if !(exposure1 > 0) || !(exposure0 > 0) || bad1 < 0 || bad0 < 0 || bad1+bad0 <= 0 {
		return 1, 0, math.Inf(1)
	}
	odds := func(p float64) float64 { return p / (1 - p) * exposure0 / exposure1 } // p of 1 is +Inf
	low, high = wilson(bad1, bad1+bad0, z)
	return odds(bad1 / (bad1 + bad0)), odds(low), odds(high)
}
