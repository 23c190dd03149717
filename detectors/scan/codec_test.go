package scan

import (
	"fmt"
	"hash/maphash"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"promoter/detectors"
	"promoter/promoter"
)

// filled returns a Report in which no field of any depth is zero and no two
// strings are equal, so that a field which is left out or swapped shows.
func filled(t testing.TB) *detectors.Report {
	n := 0
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		n++
		switch v.Kind() {
		case reflect.String:
			v.SetString(fmt.Sprintf("text %d", n))
		case reflect.Int:
			v.SetInt(int64(n))
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem())
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
			fill(v.Index(0))
			fill(v.Index(1))
		case reflect.Map:
			v.Set(reflect.MakeMap(v.Type()))
			for range 2 {
				key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				fill(key)
				fill(value)
				v.SetMapIndex(key, value)
			}
		case reflect.Struct:
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		default:
			t.Fatalf("a Report holds a %s, which the codec and this test do not know", v.Type())
		}
	}
	r := &detectors.Report{}
	fill(reflect.ValueOf(r).Elem())
	return r
}

// decoded reads back what an encoding coder wrote.
func decoded(c *coder) (*detectors.Report, bool) {
	in := coder{use: decode, in: string(c.out), table: c.order}
	r := &detectors.Report{}
	in.report(r)
	return r, !in.bad && in.in == ""
}

func TestCodecKnowsEveryField(t *testing.T) {
	t.Parallel()
	want := filled(t)
	out := coder{use: encode, texts: map[string]uint64{}}
	out.report(want)
	got, ok := decoded(&out)
	if !ok {
		t.Fatal("the encoded report does not decode")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decoded report differs (-want +got):\n%s", diff)
	}
}

func TestCodecKeepsAbsence(t *testing.T) {
	t.Parallel()
	want := &detectors.Report{Pins: []detectors.Pin{{Pin: promoter.Pin{Version: "1"}}}, Facts: []detectors.Fact{{Name: "x"}}}
	out := coder{use: encode, texts: map[string]uint64{}}
	out.report(want)
	got, ok := decoded(&out)
	if !ok {
		t.Fatal("the encoded report does not decode")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decoded report differs (-want +got):\n%s", diff)
	}
}

func TestOwnedReportIsEqualAndApart(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("a file's whole text ", 100)
	report := func() *detectors.Report {
		r := filled(t)
		r.Pins[0].Version = text[:10]
		r.Facts[0].Fields = map[string]string{text[10:20]: text[20:30]}
		r.Findings[0].Evidence = text // longer than what is shared
		return r
	}
	want, got := report(), report()
	c := coder{use: own, recent: &recent{seed: maphash.MakeSeed()}}
	c.report(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("own copy differs (-want +got):\n%s", diff)
	}
	if sameMemory(got.Pins[0].Version, text) {
		t.Error("a pin's version keeps the file's text in memory")
	}
	for k, v := range got.Facts[0].Fields {
		if sameMemory(k, text[10:20]) || sameMemory(v, text[20:30]) {
			t.Error("a fact's field keeps the file's text in memory")
		}
	}
}

func sameMemory(a, b string) bool {
	return unsafe.StringData(a) == unsafe.StringData(b)
}

func FuzzDecode(f *testing.F) {
	out := coder{use: encode, texts: map[string]uint64{}}
	out.report(filled(f))
	f.Add(string(out.out))
	f.Add("")
	f.Add("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
	table := out.order
	f.Fuzz(func(t *testing.T, text string) {
		in := coder{use: decode, in: text, table: table}
		r := &detectors.Report{}
		in.report(r)
		if in.bad || in.in != "" {
			return
		}
		again := coder{use: encode, texts: map[string]uint64{}}
		again.report(r)
		got, ok := decoded(&again)
		if !ok {
			t.Fatalf("a report read from %q does not decode when it is encoded", text)
		}
		if diff := cmp.Diff(r, got); diff != "" {
			t.Fatalf("a report read from %q changes (-first +second):\n%s", text, diff)
		}
	})
}
