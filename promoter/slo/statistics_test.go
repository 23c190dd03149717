package slo

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"promoter/promoter"
)

func near(a, b, by float64) bool { return math.Abs(a-b) <= by }

// arrangement makes two samples without ties whose U for the first is u.
func arrangement(n, m, u int) (a, b []float64) {
	for j := range m {
		b = append(b, float64(j+1))
	}
	for i := range n { // each value of a is above so many of b
		above := min(u, m)
		u -= above
		a = append(a, float64(above)+0.1+float64(i)*0.001)
	}
	return a, b
}

// The critical values of U (two-sided) are those of the tables of Mann and
// Whitney as statistics books print them: the largest U that is significant.
func TestMannWhitneyAgainstTables(t *testing.T) {
	t.Parallel()
	for _, table := range []struct {
		n, m, u int
		alpha   float64
	}{
		{5, 5, 2, 0.05}, {6, 6, 5, 0.05}, {7, 7, 8, 0.05}, {8, 8, 13, 0.05}, {9, 9, 17, 0.05}, {10, 10, 23, 0.05},
		{5, 10, 8, 0.05}, {10, 20, 55, 0.05}, {15, 15, 64, 0.05}, {20, 20, 127, 0.05},
		{5, 5, 0, 0.01}, {10, 10, 16, 0.01}, {20, 20, 105, 0.01},
	} {
		for u, significant := range map[int]bool{table.u: true, table.u + 1: false} {
			a, b := arrangement(table.n, table.m, u)
			r, err := MannWhitney(a, b)
			if err != nil || !r.Exact || r.U != float64(u) {
				t.Fatalf("n %d, m %d: %+v %v, want exactly U %d", table.n, table.m, r, err, u)
			}
			if (r.P <= table.alpha) != significant {
				t.Errorf("n %d, m %d, U %d: p %v against %v", table.n, table.m, u, r.P, table.alpha)
			}
			mirror, _ := MannWhitney(b, a)
			if !near(mirror.P, r.P, 1e-12) {
				t.Errorf("n %d, m %d: %v one way, %v the other", table.n, table.m, r.P, mirror.P)
			}
		}
	}
	for _, known := range []struct {
		a, b []float64
		p    float64
	}{
		{[]float64{1, 2, 3}, []float64{4, 5, 6}, 2.0 / 20},
		{[]float64{1, 2, 3, 4, 5}, []float64{6, 7, 8, 9, 10}, 2.0 / 252},
		{[]float64{1, 4}, []float64{2, 3}, 1},
		{[]float64{1}, []float64{2}, 1},
	} {
		if r, err := MannWhitney(known.a, known.b); err != nil || !near(r.P, known.p, 1e-12) {
			t.Errorf("%v, %v: %+v %v, want p %v", known.a, known.b, r, err, known.p)
		}
	}
}

func TestMannWhitneyWithTies(t *testing.T) {
	t.Parallel()
	// By hand: ranks of a are 1.5, 1.5, 3.5 and 5; U = 11.5 - 10 = 1.5; ties of
	// 2, 2 and 3 give a variance of 16/12·(9 - 36/56) = 11.142857.
	r, err := MannWhitney([]float64{1, 1, 2, 3}, []float64{2, 5, 5, 5})
	want := math.Erfc((8 - 1.5 - 0.5) / math.Sqrt(16.0/12*(9-36.0/56)) / math.Sqrt2)
	if err != nil || r.Exact || r.U != 1.5 || !near(r.P, want, 1e-12) {
		t.Errorf("got %+v %v, want U 1.5, p %v", r, err, want)
	}
	if r, err = MannWhitney([]float64{7, 7, 7}, []float64{7, 7}); err != nil || r.P != 1 {
		t.Errorf("all the same: %+v %v", r, err)
	}
}

func TestMannWhitneyNormalIsNearExact(t *testing.T) {
	t.Parallel()
	a, b := arrangement(20, 20, 127)
	exact, _ := MannWhitney(a, b)
	a, b = arrangement(21, 20, 134)
	normal, _ := MannWhitney(a, b)
	if normal.Exact || !near(exact.P, normal.P, 0.01) {
		t.Errorf("exact %v, normal %v", exact, normal)
	}
}

func TestMannWhitneyRefuses(t *testing.T) {
	t.Parallel()
	for _, x := range [][2][]float64{{nil, {1}}, {{1}, nil}, {{math.NaN()}, {1}}, {{1}, {math.Inf(1)}}} {
		if r, err := MannWhitney(x[0], x[1]); err == nil {
			t.Errorf("%v: %+v", x, r)
		}
	}
}

func normal(r *rand.Rand, n int, mean, dev float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = mean + dev*r.NormFloat64()
	}
	return out
}

func TestCompare(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	alarms := 0
	for range 200 {
		c, err := Compare(normal(r, 50, 1, 0.2), normal(r, 50, 1, 0.2))
		if err != nil {
			t.Fatal(err)
		}
		if c.Worse {
			alarms++
		}
	}
	if alarms > 6 { // 1% are expected
		t.Errorf("%d of 200 comparisons of the same thing found it worse", alarms)
	}
	c, err := Compare(normal(r, 60, 1, 0.2), normal(r, 50, 2, 0.2))
	if err != nil || !c.Worse || !near(c.Shift, 1, 0.15) || c.Low > 1 || c.High < 1 {
		t.Errorf("shifted by one: %+v %v", c, err)
	}
	if c, _ = Compare(normal(r, 50, 2, 0.2), normal(r, 50, 1, 0.2)); c.Worse {
		t.Errorf("better: %+v", c)
	}
	same := make([]float64, 50)
	if c, err = Compare(same, same); c.Worse || err != nil {
		t.Errorf("identical: %+v %v", c, err)
	}
	if _, err = Compare(same[:49], same); err == nil {
		t.Error("49 points are compared")
	}
}

func TestCompareGatesTheBlame(t *testing.T) {
	t.Parallel()
	g := testGate()
	g.Compare, g.Measure, g.Good, g.Deadline = true, Gauge, Condition{{"<", 0.5}}, 2*time.Hour
	baseline := shift(trace(strings.Repeat("G", 60)), -2*time.Hour)
	run := func(text string) (promoter.Verdict, Evidence) {
		samples := trace(text)
		for i := range samples {
			samples[i].Value = 0.1
			if samples[i].Class == Bad {
				samples[i].Value = 5
			}
		}
		for i := range baseline {
			baseline[i].Value = 0.1
		}
		return Judge(g, baseline, samples, nil, ready, after(len(text)))
	}
	if v, _ := run(strings.Repeat("G", 57) + "BBB"); v.Level != promoter.Hold || !strings.Contains(v.Reason, "rank test") {
		t.Errorf("good for an hour: %v", v)
	}
	if v, e := run("GGBBB"); v.Level != promoter.Fail || !strings.Contains(strings.Join(e.Attribution.Notes, ";"), "no rank test") {
		t.Errorf("few points: %v", v)
	}
}

func TestIntervals(t *testing.T) {
	t.Parallel()
	// Wilson, 95%: textbook values for 10 of 100 and 0 of 10.
	if low, high := wilson(10, 100, 1.959964); !near(low, 0.0552, 5e-4) || !near(high, 0.1744, 5e-4) {
		t.Errorf("10 of 100: %v to %v", low, high)
	}
	if low, high := wilson(0, 10, 1.959964); low != 0 || !near(high, 0.2775, 5e-4) {
		t.Errorf("0 of 10: %v to %v", low, high)
	}
	if low, high := wilson(3, 0, 2); low != 0 || high != 1 {
		t.Errorf("of nothing: %v to %v", low, high)
	}
	// Exact Poisson limits, 95%, from the usual tables.
	for k, want := range map[float64][2]float64{0: {0, 3.689}, 1: {0.025, 5.572}, 5: {1.623, 11.668}, 10: {4.795, 18.390}, 100: {81.36, 121.63}} {
		low, high := poissonBounds(k, 1.959964)
		if !near(low, want[0], 0.03) || !near(high, want[1], 0.08) {
			t.Errorf("%v events: %v to %v, want %v", k, low, high, want)
		}
	}
	ratio, low, high := RateRatio(20, 100, 10, 100, 1.959964)
	if !near(ratio, 2, 1e-9) || low > 1 || low < 0.9 || high < 4 || high > 4.5 {
		t.Errorf("20 against 10: %v, %v to %v", ratio, low, high)
	}
	if _, low, _ = RateRatio(100, 1000, 10, 1000, z99); low < 4 {
		t.Errorf("100 against 10: at least %v", low)
	}
	for _, none := range [][4]float64{{0, 10, 0, 10}, {1, 0, 1, 10}, {1, 10, 1, 0}, {-1, 10, 2, 10}} {
		if _, low, high := RateRatio(none[0], none[1], none[2], none[3], z99); low != 0 || !math.IsInf(high, 1) {
			t.Errorf("%v: %v to %v", none, low, high)
		}
	}
}

func TestBurns(t *testing.T) {
	t.Parallel()
	want := []float64{14.4, 6, 3, 1}
	for i, b := range (Objective{Target: 0.999}).Burns() {
		if !near(b.Factor, want[i], 1e-9) {
			t.Errorf("over %s: %v, want %v", b.Long, b.Factor, want[i])
		}
	}
	month := (Objective{Target: 0.999, Period: 28 * 24 * time.Hour}).Burns()[0]
	if month.Long != 56*time.Minute || !near(month.Factor, 14.4, 1e-9) {
		t.Errorf("28 days: %+v", month)
	}
}

func TestBudgetAllows(t *testing.T) {
	t.Parallel()
	o := Objective{Target: 0.999}
	calm := func() map[time.Duration]float64 {
		m := map[time.Duration]float64{}
		for _, w := range o.BurnWindows() {
			m[w] = 0.0002
		}
		return m
	}
	for _, test := range []struct {
		name   string
		change func(map[time.Duration]float64)
		exempt string
		level  promoter.Level
	}{
		{"calm", func(m map[time.Duration]float64) {}, "", promoter.Pass},
		{"burns fast", func(m map[time.Duration]float64) { m[time.Hour], m[5*time.Minute] = 0.0145, 0.5 }, "", promoter.Hold},
		{"burnt fast, but no more", func(m map[time.Duration]float64) { m[time.Hour], m[5*time.Minute] = 0.0145, 0 }, "", promoter.Pass},
		{"a blip", func(m map[time.Duration]float64) { m[5*time.Minute] = 0.5 }, "", promoter.Pass},
		{"burns slowly", func(m map[time.Duration]float64) { m[6*time.Hour], m[30*time.Minute] = 0.0061, 0.0061 }, "", promoter.Hold},
		{"little is left", func(m map[time.Duration]float64) { m[30*24*time.Hour] = 0.00095 }, "", promoter.Hold},
		{"overspent", func(m map[time.Duration]float64) { m[30*24*time.Hour] = 0.5 }, "", promoter.Hold},
		{"a fix is exempt", func(m map[time.Duration]float64) { m[30*24*time.Hour] = 0.5 }, "revert", promoter.Pass},
		{"a window is unseen", func(m map[time.Duration]float64) { delete(m, time.Hour) }, "", promoter.Unknown},
		{"NaN", func(m map[time.Duration]float64) { m[30*24*time.Hour] = math.NaN() }, "", promoter.Unknown},
		{"no ratio", func(m map[time.Duration]float64) { m[time.Hour] = 7 }, "", promoter.Unknown},
		{"harm outranks the unseen", func(m map[time.Duration]float64) { delete(m, time.Hour); m[6*time.Hour], m[30*time.Minute] = 1, 1 }, "", promoter.Hold},
	} {
		ratios := calm()
		test.change(ratios)
		if v := BudgetAllows(o, ratios, 0.1, test.exempt); v.Level != test.level {
			t.Errorf("%s: %s %q", test.name, v.Level, v.Reason)
		}
	}
	if v := BudgetAllows(Objective{Target: 1}, calm(), 0.1, ""); v.Level != promoter.Unknown {
		t.Errorf("an objective without a budget: %v", v)
	}
}

func TestSpent(t *testing.T) {
	t.Parallel()
	o := Objective{Target: 0.999}
	for _, test := range []struct {
		bad, events, share float64
		level              promoter.Level
	}{
		{0, 1e6, 0, promoter.Pass},
		{20, 1e6, 0.02, promoter.Pass},
		{30, 1e6, 0.03, promoter.Hold},
		{0, 0, 0, promoter.Unknown},
		{math.NaN(), 1e6, 0, promoter.Unknown},
		{5, math.Inf(1), 0, promoter.Unknown},
		{-1, 1e6, 0, promoter.Unknown},
	} {
		share, v := Spent(o, test.bad, test.events, 0.02)
		if v.Level != test.level || !near(share, test.share, 1e-9) {
			t.Errorf("%v of %v: %v %v", test.bad, test.events, share, v)
		}
	}
}
