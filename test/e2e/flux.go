package e2e

import (
	"context"
	"errors"
	"net/http"
)

// The names of Flux's processes.
const (
	FluxSource    = "source-controller"
	FluxKustomize = "kustomize-controller"
	FluxHelm      = "helm-controller"
)

// startFlux starts Flux's controllers over all namespaces.
func (w *World) startFlux(ctx context.Context) error {
	dir, err := w.folder("flux")
	if err != nil {
		return err
	}
	if err := errors.Join(w.applyKinds(ctx, "fluxsource/", "crds"), w.applyKinds(ctx, "flux/", "crds")); err != nil {
		return err
	}
	if err := w.serveNewer(ctx, "flux/", "newer"); err != nil {
		return err
	}
	if err := w.Kube.Apply(ctx, "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: flux-system\n"); err != nil {
		return err
	}
	storage, err := w.ports.next()
	if err != nil {
		return err
	}
	for _, name := range []string{FluxSource, FluxKustomize, FluxHelm} {
		metrics, err := w.ports.next()
		if err != nil {
			return err
		}
		health, err := w.ports.next()
		if err != nil {
			return err
		}
		args := []string{"--enable-leader-election=false", "--watch-all-namespaces=true", "--metrics-addr=" + metrics, "--health-addr=" + health, "--requeue-dependency=5s", "--log-encoding=console"}
		if name == FluxSource {
			args = append(args, "--storage-path="+dir, "--storage-addr="+storage, "--storage-adv-addr="+storage)
		}
		if err := w.start(Command{Name: name, Path: w.binary(name), Args: args, Env: []string{
			"KUBECONFIG=" + w.Kubeconfig, "RUNTIME_NAMESPACE=flux-system", "HOSTNAME=" + name,
		}}); err != nil {
			return err
		}
		if err := w.ready(ctx, name, func() error { return reachable(ctx, "http://"+health+"/readyz") }); err != nil {
			return err
		}
	}
	return nil
}

// reachable fails unless an address answers with 200.
func reachable(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &StatusError{Code: resp.StatusCode}
	}
	return nil
}
