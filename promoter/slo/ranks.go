package slo

import (
	"errors"
	"math"
	"slices"
)

// Rank is the outcome of a Mann-Whitney test of two samples.
type Rank struct {
	U     float64 // of the first sample: pairs in which it is larger, ties half
	P     float64 // two-sided
	Exact bool    // from the exact distribution; else the normal approximation
}

// maxExact bounds the sample sizes for the exact distribution of U.
const maxExact = 20

// MannWhitney tests whether values of a tend to be larger or smaller than
// those of b. Small samples without ties use the exact distribution of U, all
// others its normal approximation with corrections for ties and continuity.
// Values that are not finite are an error: they have no rank.
func MannWhitney(a, b []float64) (Rank, error) {
	n, m := len(a), len(b)
	if n == 0 || m == 0 {
		return Rank{}, errors.New("test ranks: a sample is empty")
	}
	type point struct {
		v     float64
		first bool
	}
	points := make([]point, 0, n+m)
	for _, v := range a {
		points = append(points, point{v, true})
	}
	for _, v := range b {
		points = append(points, point{v, false})
	}
	for _, p := range points {
		if !finite(p.v) {
			return Rank{}, errors.New("test ranks: a value is not finite")
		}
	}
	slices.SortFunc(points, func(x, y point) int {
		switch {
		case x.v < y.v:
			return -1
		case x.v > y.v:
			return 1
		}
		return 0
	})
	var ranks, ties float64 // the first sample's rank sum; sum of t³-t
	for i := 0; i < len(points); {
		j := i
		for j < len(points) && points[j].v == points[i].v {
			j++
		}
		t := float64(j - i)
		ties += t*t*t - t
		for _, p := range points[i:j] {
			if p.first {
				ranks += float64(i+j+1) / 2
			}
		}
		i = j
	}
	fn, fm := float64(n), float64(m)
	r := Rank{U: ranks - fn*(fn+1)/2}
	if ties == 0 && n <= maxExact && m <= maxExact {
		r.Exact = true
		r.P = exactP(n, m, int(min(r.U, fn*fm-r.U)))
		return r, nil
	}
	size := fn + fm
	variance := fn * fm / 12 * (size + 1 - ties/(size*(size-1)))
	if variance <= 0 { // all values are the same
		r.P = 1
		return r, nil
	}
	z := max(0, math.Abs(r.U-fn*fm/2)-0.5) / math.Sqrt(variance)
	r.P = math.Erfc(z / math.Sqrt2)
	return r, nil
}

// exactP is the two-sided probability of a U as small as u: twice the share of
// arrangements, counted by the recurrence over which sample holds the largest
// value.
func exactP(n, m, u int) float64 {
	// ways[j][s]: arrangements of i values of one sample and j of the other
	// with U = s, rebuilt for each i.
	ways := make([][]float64, m+1)
	for j := range ways {
		ways[j] = make([]float64, n*m+1)
		ways[j][0] = 1
	}
	for i := 1; i <= n; i++ {
		row := make([][]float64, m+1)
		for j := range row {
			row[j] = make([]float64, n*m+1)
			for s := range row[j] {
				if s >= j { // the largest is of the first sample: above all j
					row[j][s] = ways[j][s-j]
				}
				if j > 0 {
					row[j][s] += row[j-1][s]
				}
			}
		}
		ways = row
	}
	var low, all float64
	for s, w := range ways[m] {
		all += w
		if s <= u {
			low += w
		}
	}
	return min(1, 2*low/all)
}

// Shift is how far one sample lies from another.
type Shift struct {
	Worse     bool
	P         float64 // of the Mann-Whitney test
	Shift     float64 // Hodges-Lehmann estimate of post - base
	Low, High float64 // its 98% confidence interval
}

const (
	// shiftTolerance is the share of the estimated shift that the interval
	// must clear, as in Kayenta's judge.
	shiftTolerance = 0.25
	// maxPoints bounds the pairs that are looked at; the newest points stay.
	maxPoints = 500
)

// Compare asks whether post tends to be larger than base (in which larger is
// worse): the 98% confidence interval of the shift must lie above a quarter of
// its estimate. Both must be newest first. Fewer than 50 points a side are an
// error: a confidence in the tails of fewer is none.
func Compare(base, post []float64) (Shift, error) {
	if len(base) < minRanks || len(post) < minRanks {
		return Shift{}, errors.New("compare samples: fewer than 50 points on a side")
	}
	base, post = base[:min(len(base), maxPoints)], post[:min(len(post), maxPoints)]
	r, err := MannWhitney(post, base)
	if err != nil {
		return Shift{}, err
	}
	pairs := make([]float64, 0, len(base)*len(post))
	for _, p := range post {
		for _, b := range base {
			pairs = append(pairs, p-b)
		}
	}
	slices.Sort(pairs)
	n, m := float64(len(post)), float64(len(base))
	// The interval's ends are order statistics of the pairs' differences.
	k := int(n*m/2 - z99*math.Sqrt(n*m*(n+m+1)/12))
	k = max(k, 0)
	s := Shift{P: r.P, Shift: median(pairs), Low: pairs[k], High: pairs[len(pairs)-1-k]}
	s.Worse = s.P < 0.02 && s.Low > shiftTolerance*math.Abs(s.Shift)
	return s, nil
}
