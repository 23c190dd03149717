package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const definitions = "apis/apiextensions.k8s.io/v1/customresourcedefinitions/"

// applyKinds applies the definitions in a folder of a module, and waits until
// they are served.
func (w *World) applyKinds(ctx context.Context, module, folder string) error {
	files, err := filepath.Glob(filepath.Join(w.binary(module), folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("find the kinds of %s: %d files, %w", module, len(files), err)
	}
	var paths []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := w.Kube.Apply(ctx, string(data)); err != nil {
			return fmt.Errorf("apply %s: %w", filepath.Base(file), err)
		}
		at, err := pathOf(separator.ReplaceAllString(string(data), ""))
		if err != nil {
			return err
		}
		paths = append(paths, at)
	}
	for _, at := range paths {
		if err := w.established(ctx, at); err != nil {
			return err
		}
	}
	return nil
}

type definition struct {
	Spec   map[string]any
	Status struct {
		Conditions []struct{ Type, Status string }
	}
}

func (w *World) established(ctx context.Context, at string) error {
	return poll(ctx, time.Minute, 100*time.Millisecond, func() error {
		var d definition
		if err := w.Kube.Get(ctx, at, &d); err != nil {
			return err
		}
		for _, c := range d.Status.Conditions {
			if c.Type == "Established" && c.Status == "True" {
				return nil
			}
		}
		return fmt.Errorf("%s is not established", at)
	})
}

// serveNewer lets definitions that are there serve those versions of newer ones
// that they lack. Their controller goes on storing its own.
func (w *World) serveNewer(ctx context.Context, module, folder string) error {
	files, err := filepath.Glob(filepath.Join(w.binary(module), folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("find the newer kinds of %s: %d files, %w", module, len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		at, err := pathOf(separator.ReplaceAllString(string(data), ""))
		if err != nil {
			return err
		}
		// The API server is the one that reads YAML here: as the definition of a
		// group of its own, which is never stored.
		var newer, have definition
		if err := w.Kube.Get(ctx, at, &have); notFound(err) {
			continue // a kind that the controller does not know
		} else if err != nil {
			return err
		}
		other := func(text string) string { return strings.ReplaceAll(text, "source.toolkit", "newer.toolkit") }
		if err := w.Kube.Call(ctx, http.MethodPatch, other(at)+"?fieldManager=newer&force=true&dryRun=All", "application/apply-patch+yaml", []byte(other(string(data))), &newer); err != nil {
			return fmt.Errorf("read %s: %w", filepath.Base(file), err)
		}
		if err := w.addVersions(ctx, at, have, newer); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) addVersions(ctx context.Context, at string, have, newer definition) error {
	versions, _ := have.Spec["versions"].([]any)
	known := map[any]bool{}
	for _, v := range versions {
		known[v.(map[string]any)["name"]] = true
	}
	offered, _ := newer.Spec["versions"].([]any)
	added := false
	for _, v := range offered {
		v := v.(map[string]any)
		if !known[v["name"]] {
			v["storage"], added = false, true
			versions = append(versions, v)
		}
	}
	if !added {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"versions": versions}})
	if err != nil {
		return err
	}
	return w.Kube.Patch(ctx, at, string(patch))
}
