package layout

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFromPath(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, path string
		want       Placement
	}{
		{"environment directory", "apps/payments/prod/values.yaml", Placement{Environment: "production"}},
		{"upper case", "apps/payments/PROD/values.yaml", Placement{Environment: "production"}},
		{"spelled out", "environments/prd/app.yaml", Placement{Environment: "production"}},
		{"spelled out, unknown word stays", "environments/frankfurt/app.yaml", Placement{Environment: "frankfurt"}},
		{"spelled out, region stays one environment's name", "envs/int/app.yaml", Placement{Environment: "integration"}},
		{"overlay", "apps/web/overlays/stg/kustomization.yaml", Placement{Environment: "staging"}},
		{"overlay of an unknown word", "apps/web/overlays/berlin/kustomization.yaml", Placement{Environment: "berlin"}},
		{"numbered cluster", "components/web/production/stone-prod-p01/kustomization.yaml", Placement{Environment: "production", Cluster: "stone-prod-p01"}},
		{"numbered cluster as overlay", "web/overlays/stone-prod-p01/kustomization.yaml", Placement{Environment: "production", Cluster: "stone-prod-p01"}},
		{"cluster directory", "clusters/prod-eu-1/apps/web.yaml", Placement{Environment: "production", Cluster: "prod-eu-1"}},
		{"cluster directory without a word", "clusters/kube01/apps/web.yaml", Placement{Cluster: "kube01"}},
		{"cluster named for its environment", "clusters/staging/apps/web.yaml", Placement{Environment: "staging", Cluster: "staging"}},
		{"lone cluster directory names nothing", "cluster/apps/media/plex.yaml", Placement{}},
		{"file under clusters is no cluster", "clusters/kustomization.yaml", Placement{}},
		{"tenant", "tenants/acme/dev/app.yaml", Placement{Environment: "development", Tenant: "acme"}},
		{"client", "clients/acme/clusters/acme-prod-1/app.yaml", Placement{Environment: "production", Cluster: "acme-prod-1", Tenant: "acme"}},
		{"client with a word in its name", "customers/prod-masters/app.yaml", Placement{Tenant: "prod-masters"}},
		{"values file", "charts/web/values-prod.yaml", Placement{Environment: "production"}},
		{"values file, other order", "charts/web/uat.values.yaml", Placement{Environment: "uat"}},
		{"plain values file", "charts/web/values.yaml", Placement{}},
		{"templated values file", "charts/web/values-qa.yaml.gotmpl", Placement{Environment: "qa"}},
		{"file named for an environment", "apps/web/dev.yaml", Placement{Environment: "development"}},
		{"two part word", "apps/web/pre-prod/app.yaml", Placement{Environment: "preproduction"}},
		{"two part word inside a name", "apps/web-pre-prod/app.yaml", Placement{Environment: "preproduction"}},
		{"non-prod is not prod", "apps/web-non-prod/app.yaml", Placement{Environment: "nonproduction"}},
		{"suffix", "apps/web-prod/app.yaml", Placement{Environment: "production"}},
		{"underscore", "apps/web_staging/app.yaml", Placement{Environment: "staging"}},
		{"region after the word", "prod-eu-west/app.yaml", Placement{Environment: "production", Cluster: "prod-eu-west"}},
		{"digit at the word", "apps/web-dev2/app.yaml", Placement{Environment: "development"}},
		{"the word is not the subject", "apps/dev-portal/app.yaml", Placement{}},
		{"the word is not the subject either", "apps/test-operator/values.yaml", Placement{}},
		{"word inside a word", "apps/produce/latest/contest/app.yaml", Placement{}},
		{"base", "apps/web/base/kustomization.yaml", Placement{}},
		{"base of overlays", "apps/web/overlays/base/kustomization.yaml", Placement{}},
		{"common among environments", "environments/common/values.yaml", Placement{}},
		{"shared by an environment's clusters", "components/web/production/base/kustomization.yaml", Placement{Environment: "production"}},
		{"shared cluster directory", "clusters/base/app.yaml", Placement{}},
		{"strong before weak", "prod/apps/web-dev/app.yaml", Placement{Environment: "production"}},
		{"spelled before named", "test/environments/prod/app.yaml", Placement{Environment: "production"}},
		{"disagreement", "test/fixtures/prod/app.yaml", Placement{}},
		{"disagreement of parts", "web-dev/app-prod/app.yaml", Placement{}},
		{"directory and file disagree", "prod/values-dev.yaml", Placement{}},
		{"agreement", "prod/web/values-prd.yaml", Placement{Environment: "production"}},
		{"no path", "", Placement{}},
		{"root file", "Chart.yaml", Placement{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, FromPath(tt.path)); diff != "" {
				t.Errorf("FromPath(%q) (-want +got):\n%s", tt.path, diff)
			}
		})
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, path string
		unit       Unit
		want       Placement
	}{
		{"nothing more than the path", "prod/app.yaml", Unit{Name: "web"}, Placement{Environment: "production"}},
		{"destination goes before the path", "dev/app.yaml", Unit{Cluster: "prod-eu-1"}, Placement{Environment: "production", Cluster: "prod-eu-1"}},
		{"destination without a word", "dev/app.yaml", Unit{Cluster: "zebra"}, Placement{Environment: "development", Cluster: "zebra"}},
		{"here is no name", "dev/app.yaml", Unit{Cluster: "in-cluster"}, Placement{Environment: "development"}},
		{"the API server's own service", "a.yaml", Unit{Server: "https://kubernetes.default.svc"}, Placement{}},
		{"server", "a.yaml", Unit{Server: "https://api.prod-1.example.com:6443"}, Placement{Cluster: "api.prod-1.example.com"}},
		{"spelled out by the unit", "dev/app.yaml", Unit{Environment: "stg", Tenant: "acme", Cluster: "prod-1"}, Placement{Environment: "staging", Cluster: "prod-1", Tenant: "acme"}},
		{"unknown word of the unit", "app.yaml", Unit{Environment: "Frankfurt"}, Placement{Environment: "Frankfurt"}},
		{"name", "apps/app.yaml", Unit{Name: "web-prod"}, Placement{Environment: "production"}},
		{"namespace", "apps/app.yaml", Unit{Name: "web", Namespace: "web-uat"}, Placement{Environment: "uat"}},
		{"name and namespace disagree", "apps/app.yaml", Unit{Name: "web-dev", Namespace: "uat"}, Placement{}},
		{"path goes before the name", "apps/prod/app.yaml", Unit{Name: "web-dev"}, Placement{Environment: "production"}},
		{"name goes before a part of the path", "web-prod/app.yaml", Unit{Name: "web-dev"}, Placement{Environment: "development"}},
		{"templates say nothing", "app.yaml", Unit{Name: "{{name}}-prod", Cluster: "{{cluster}}", Tenant: "${tenant}", Environment: "{{env}}"}, Placement{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, new(Reader).Place(tt.path, tt.unit)); diff != "" {
				t.Errorf("Place(%q, %+v) (-want +got):\n%s", tt.path, tt.unit, diff)
			}
		})
	}
}

// TestCanonicalKnowsItsWords guards the shortcut that refuses words by their
// first letter.
func TestCanonicalKnowsItsWords(t *testing.T) {
	t.Parallel()
	for word, want := range canonical {
		if got := Canonical(strings.ToUpper(word)); got != want {
			t.Errorf("Canonical(%q) is %q, want %q", strings.ToUpper(word), got, want)
		}
	}
}

func BenchmarkPlace(b *testing.B) {
	b.ReportAllocs()
	var r Reader
	for b.Loop() {
		r.Place("components/backend-for-frontend/production/stone-prod-p01/app-123.yaml", Unit{Name: "app-123", Namespace: "app-123", Cluster: "prod-eu-12"})
	}
}
