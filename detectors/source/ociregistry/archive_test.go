package ociregistry

import (
	"errors"
	"io"
	"log"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"

	"promoter/detectors/source"
	"promoter/promoter"
)

func TestArchive(t *testing.T) {
	t.Parallel()
	host := serve(t, registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	with := func(layers ...v1.Layer) v1.Image {
		img := chart(t, `{"name":"redis","version":"1.0.0"}`, nil).(*withConfig)
		inner, err := mutate.AppendLayers(img.Image, layers...)
		if err != nil {
			t.Fatal(err)
		}
		return &withConfig{Image: inner, raw: img.raw}
	}
	provenance := static.NewLayer([]byte("signed"), "application/vnd.cncf.helm.chart.provenance.v1.prov")
	push(t, host+"/org/redis:1.0.0_up1", with(provenance, static.NewLayer([]byte("the chart"), chartLayer)))
	push(t, host+"/org/redis:2.0.0", with(provenance))
	plain, err := mutate.AppendLayers(chart(t, "{}", nil).(*withConfig).Image, static.NewLayer([]byte("an image"), chartLayer))
	if err != nil {
		t.Fatal(err)
	}
	push(t, host+"/org/redis:3.0.0", plain)

	r := New(newClient(t, nil))
	a := promoter.Artifact{Kind: promoter.Chart, Name: "redis", Source: "oci://" + host + "/org"}
	b, err := r.Archive(t.Context(), a, "1.0.0+up1", 100)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.ReadAll(); err != nil || string(got) != "the chart" {
		t.Errorf("got %q, %v", got, err)
	}
	var large *source.TooLarge
	if _, err := r.Archive(t.Context(), a, "1.0.0+up1", 3); !errors.As(err, &large) {
		t.Errorf("a layer that is too large: %v", err)
	}
	if b, err := r.Archive(t.Context(), a, "2.0.0", 100); err == nil {
		t.Errorf("a manifest without a chart: %v", b)
	}
	if _, err := r.Archive(t.Context(), a, "3.0.0", 100); !errors.Is(err, ErrNotChart) {
		t.Errorf("an image: %v", err)
	}
	var missing *source.NotFound
	if _, err := r.Archive(t.Context(), a, "4.0.0", 100); !errors.As(err, &missing) {
		t.Errorf("no such tag: %v", err)
	}
}
