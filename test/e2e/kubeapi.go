package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"
)

// Kube is the Kubernetes API, as much of it as the stories need.
type Kube struct {
	URL   string
	Token string

	client *http.Client
}

// Object is any object of the API.
type Object = map[string]any

// resources are the paths of the kinds that this package applies.
var resources = map[string]string{
	"v1/Namespace":       "api/v1/namespaces",
	"v1/Node":            "api/v1/nodes",
	"v1/Secret":          "api/v1/secrets",
	"v1/ConfigMap":       "api/v1/configmaps",
	"v1/ServiceAccount":  "api/v1/serviceaccounts",
	"apps/v1/Deployment": "apis/apps/v1/deployments",
	"rbac.authorization.k8s.io/v1/ClusterRole":         "apis/rbac.authorization.k8s.io/v1/clusterroles",
	"apiextensions.k8s.io/v1/CustomResourceDefinition": "apis/apiextensions.k8s.io/v1/customresourcedefinitions",
	"argoproj.io/v1alpha1/Application":                 "apis/argoproj.io/v1alpha1/applications",
	"argoproj.io/v1alpha1/ApplicationSet":              "apis/argoproj.io/v1alpha1/applicationsets",
	"argoproj.io/v1alpha1/AppProject":                  "apis/argoproj.io/v1alpha1/appprojects",
	"source.toolkit.fluxcd.io/v1/GitRepository":        "apis/source.toolkit.fluxcd.io/v1/gitrepositories",
	"source.toolkit.fluxcd.io/v1/HelmRepository":       "apis/source.toolkit.fluxcd.io/v1/helmrepositories",
	"source.toolkit.fluxcd.io/v1/OCIRepository":        "apis/source.toolkit.fluxcd.io/v1/ocirepositories",
	"source.toolkit.fluxcd.io/v1beta2/OCIRepository":   "apis/source.toolkit.fluxcd.io/v1beta2/ocirepositories",
	"kustomize.toolkit.fluxcd.io/v1/Kustomization":     "apis/kustomize.toolkit.fluxcd.io/v1/kustomizations",
	"helm.toolkit.fluxcd.io/v2/HelmRelease":            "apis/helm.toolkit.fluxcd.io/v2/helmreleases",
}

func newKube(address, token string, ca []byte) *Kube {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &Kube{URL: "https://" + address, Token: token, client: &http.Client{
		Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true},
	}}
}

// StatusError is an answer that is no success.
type StatusError struct {
	Code int
	Body string
}

func (e *StatusError) Error() string { return fmt.Sprintf("%d: %s", e.Code, e.Body) }

// notFound reports whether an error says that something is not there.
func notFound(err error) bool {
	var e *StatusError
	return errors.As(err, &e) && e.Code == http.StatusNotFound
}

// Call makes a call. out may be nil.
func (k *Kube) Call(ctx context.Context, method, at, contentType string, in []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, k.URL+"/"+at, bytes.NewReader(in))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+k.Token)
	req.Header.Set("Accept", "application/json")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := k.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %w", method, at, &StatusError{resp.StatusCode, string(data[:min(len(data), 600)])})
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(data, out)
}

// Get reads an object or a list.
func (k *Kube) Get(ctx context.Context, at string, out any) error {
	return k.Call(ctx, http.MethodGet, at, "", nil, out)
}

// Patch merges into an object.
func (k *Kube) Patch(ctx context.Context, at, merge string) error {
	return k.Call(ctx, http.MethodPatch, at, "application/merge-patch+json", []byte(merge), nil)
}

// Delete removes an object. One that is not there is as wanted.
func (k *Kube) Delete(ctx context.Context, at string) error {
	if err := k.Call(ctx, http.MethodDelete, at, "", nil, nil); err != nil && !notFound(err) {
		return err
	}
	return nil
}

var (
	kindOf      = regexp.MustCompile(`(?m)^kind: *"?([A-Za-z]+)`)
	versionOf   = regexp.MustCompile(`(?m)^apiVersion: *"?([A-Za-z0-9./]+)`)
	nameOf      = regexp.MustCompile(`(?m)^metadata:\n(?:  .*\n)*?  name: *"?([A-Za-z0-9.-]+)`)
	namespaceOf = regexp.MustCompile(`(?m)^metadata:\n(?:  .*\n)*?  namespace: *"?([A-Za-z0-9-]+)`)
	separator   = regexp.MustCompile(`(?m)^---.*\n`)
)

// Apply applies YAML documents on the server's side. Their metadata is written
// in block style with two spaces, as everything is that this package applies.
func (k *Kube) Apply(ctx context.Context, yaml string) error {
	for _, document := range separator.Split(yaml, -1) {
		if strings.TrimSpace(document) == "" {
			continue
		}
		at, err := pathOf(document)
		if err != nil {
			return err
		}
		if err := k.Call(ctx, http.MethodPatch, at+"?fieldManager=e2e&force=true", "application/apply-patch+yaml", []byte(document), nil); err != nil {
			return err
		}
	}
	return nil
}

func pathOf(document string) (string, error) {
	part := func(re *regexp.Regexp) string {
		if m := re.FindStringSubmatch(document); m != nil {
			return m[1]
		}
		return ""
	}
	kind, name := part(versionOf)+"/"+part(kindOf), part(nameOf)
	resource, ok := resources[kind]
	if !ok || name == "" {
		return "", fmt.Errorf("apply %s %q: its path is not known", kind, name)
	}
	if namespace := part(namespaceOf); namespace != "" {
		dir, plural := path.Split(resource)
		return dir + "namespaces/" + namespace + "/" + plural + "/" + name, nil
	}
	return resource + "/" + name, nil
}

// poll asks until the answer is nil, or fails with the last one.
func poll(ctx context.Context, most, every time.Duration, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %w", most, err)
		case <-tick.C:
		}
	}
}
