package promoter

import (
	"slices"
	"testing"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind     Kind
		consumer Consumer
		written  string
		want     Form
	}{
		{Chart, ByHelm, "", Missing},
		{Chart, ByHelm, "  ", Missing},
		{Chart, ByHelm, "1.2.3", Exact},
		{Chart, ByHelm, "v1.2.3", Exact},
		{Chart, ByHelm, "1.2.3-rc.1", Exact},
		{Chart, ByHelm, "1.2.3+up4.5.6", Exact},
		{Chart, ByHelm, "17.04.0", Exact},
		{Chart, ByHelm, "1.2", Range},
		{Chart, ByHelm, "1", Range},
		{Chart, ByHelm, "v1", Range},
		{Chart, ByHelm, "=1.2.3", Range},
		{Chart, ByHelm, "*", Range},
		{Chart, ByHelm, "1.x", Range},
		{Chart, ByHelm, ">=1.0.0 <2.0.0", Range},
		{Chart, ByHelm, "^1.2 || ~2.3", Range},
		{Chart, ByHelm, "latest", Floating},
		{Chart, ByHelm, "1.2.3.4", Floating},
		{Chart, ByFlux, "1.2", Range},
		{Chart, ByFlux, "4.x", Range},
		{Chart, ByArgoCD, "1.2", Exact},
		{Chart, ByArgoCD, "1", Exact},
		{Chart, ByArgoCD, "1.2.*", Range},
		{Chart, ByArgoCD, ">= 1.2", Range},
		{Chart, ByArgoCD, "*", Range},
		{Chart, ByFluxOCI, "1.2", Exact},
		{Chart, ByFluxOCI, "1.2.x", Range},
		{Chart, ByFluxOCI, ">=1.2.0", Range},
		{Chart, ByFluxOCI, "latest", Floating},
		{Chart, ByFluxOCI, "sha256:00ff", Digest},
		{Image, ByContainer, "1.25", Exact},
		{Image, ByContainer, "1.25.3-alpine3.19", Exact},
		{Image, ByContainer, "latest", Floating},
		{Image, ByContainer, "stable-alpine3.19", Floating},
		{Image, ByContainer, "bookworm", Floating},
		{Image, ByContainer, "bookworm-20240812", Exact},
		{Image, ByContainer, "main", Floating},
		{Image, ByContainer, "deadbeef", Floating},
		{Image, ByContainer, "4f2c9ab", Commit},
		{Image, ByContainer, "sha-4f2c9ab", Commit},
		{Image, ByContainer, "sha-1234567", Commit},
		{Image, ByContainer, "main-4f2c9ab", Commit},
		{Image, ByContainer, "4f2c9ab0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6", Commit},
		{Image, ByContainer, "20240801", Exact},
		{Image, ByContainer, "RELEASE.2025-01-02T03-04-05Z", Exact},
		{Git, ByGit, "HEAD", Floating},
		{Git, ByGit, "main", Floating},
		{Git, ByGit, "refs/heads/v1.2", Floating},
		{Git, ByGit, "v1.2.3", Exact},
		{Git, ByGit, "my-chart-1.2.3", Exact},
		{Git, ByGit, "4f2c9ab", Commit},
		{Git, ByGit, "1234567", Commit},
		{Git, ByGit, "20240801", Exact},
		{Git, ByGit, "deadbee", Commit},
		{Git, ByArgoCD, "v1.*", Range},
		{Git, ByFlux, ">=1.0.0", Range},
		{Galaxy, ByGalaxy, "1.2.3", Exact},
		{Galaxy, ByGalaxy, "==1.2.3", Range},
		{Galaxy, ByGalaxy, ">=1.0.0,<2.0.0", Range},
		{Galaxy, ByGalaxy, "*", Range},
		{Galaxy, ByGalaxy, "latest", Floating},
		{Galaxy, ByGalaxy, "", Missing},
	}
	for _, tt := range tests {
		if got := Classify(tt.kind, tt.consumer, tt.written); got != tt.want {
			t.Errorf("Classify(%s, %s, %q) = %s, want %s", tt.kind, tt.consumer, tt.written, got, tt.want)
		}
	}
}

// TestCompareAscending lists versions in their order: each is lower than every
// one after it.
func TestCompareAscending(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind     Kind
		versions []string
	}{
		{Chart, []string{"0.9", "1.0.0-alpha", "1.0.0-alpha.2", "1.0.0-rc.1", "1.0.0", "v1.0.1", "1.2", "1.10.0", "2", "20240801"}},
		{Chart, []string{"103.1.0", "103.1.0+up4.9.0", "103.1.0+up4.10.0"}},
		{Chart, []string{"1.0.0+k3s1", "1.0.0+k3s2", "1.0.0+k3s10", "1.0.1+k3s1"}},
		{Chart, []string{"1.0.0+99999999999999999999", "1.0.0+100000000000000000000"}},
		{Galaxy, []string{"1.2.3-beta", "1.2.3", "1.10.0"}},
		{Image, []string{"1.9", "1.10", "2.0"}},
		{Image, []string{"v1.25.3", "v1.25.10", "v1.26.0"}},
		{Image, []string{"1.25.3-alpine3.18", "1.25.3-alpine3.19", "1.25.4-alpine3.9"}},
		{Image, []string{"15.3.0-debian-11-r74", "15.3.0-debian-11-r100", "15.3.0-debian-12-r1", "15.4.0-debian-12-r0"}},
		{Image, []string{"1.2.3-alpha.1", "1.2.3-beta1", "1.2.3-rc1", "1.2.3-rc2", "1.2.3-rc10", "1.2.3"}},
		{Image, []string{"3.13.0a1", "3.13.0b2", "3.13.0rc1", "3.13.0"}},
		{Image, []string{"3.13.0rc1-alpine", "3.13.0-alpine", "3.14.0-alpine"}},
		{Image, []string{"4.0.0-RC-1", "4.0.0-RC-2", "4.0.0"}},
		{Image, []string{"1.0.0-M1", "1.0.0-M2", "1.0.0-RC1", "1.0.0"}},
		{Image, []string{"2023.12.31", "2024.08.01", "2024.8.2"}},
		{Image, []string{"20231231", "20240801"}},
		{Image, []string{"2024-07-31", "2024-08-01"}},
		{Image, []string{"RELEASE.2024-12-31T23-59-59Z", "RELEASE.2025-01-02T03-04-05Z", "RELEASE.2025-01-02T03-04-06Z"}},
		{Image, []string{"1.2.3.4", "1.2.3.10", "1.2.4.0"}},
		{Image, []string{"v1.26.0-k3s1", "v1.26.0-k3s2", "v1.26.1-k3s1"}},
		{Image, []string{"v1.26.0+k3s1", "v1.26.0+k3s2", "v1.26.1+k3s1"}},
		{Image, []string{"16.2-9", "16.2-12", "16.3-1"}},
		{Image, []string{"0.9.8-r9", "0.9.8-r16"}},
		{Image, []string{"8u292-jdk", "8u302-jdk"}},
		{Image, []string{"17.0.8_7-jre", "17.0.8_10-jre", "17.0.9_1-jre"}},
		{Image, []string{"version-1.2.3-ls12", "version-1.2.3-ls100"}},
		{Image, []string{"v20231011-8b53cabe0", "v20240101-1a2b3c4d5"}},
		{Image, []string{"bookworm-20240612", "bookworm-20240812"}},
		{Image, []string{"1.29.0-eksbuild.1", "1.29.0-eksbuild.3", "1.29.1-eksbuild.1"}},
		{Image, []string{"1.2.3-20240801", "1.2.3-20240901"}},
		{Git, []string{"v1.9.0", "v1.10", "v1.10.1", "v1.11"}},
		{Git, []string{"kube-prometheus-stack-45.1.0", "kube-prometheus-stack-45.10.0"}},
		{Git, []string{"release/1.2", "release/1.10"}},
		{Git, []string{"charts/redis/v1.2.3", "charts/redis/v1.2.4"}},
	}
	for _, tt := range tests {
		for i, a := range tt.versions {
			for j, b := range tt.versions {
				want := 0
				if i < j {
					want = -1
				} else if i > j {
					want = 1
				}
				if got, ok := Compare(tt.kind, a, b); !ok || got != want {
					t.Errorf("Compare(%s, %q, %q) = %d, %t, want %d", tt.kind, a, b, got, ok, want)
				}
			}
		}
	}
}

func TestCompareEqual(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind Kind
		a, b string
	}{
		{Chart, "1.2.3", "v1.2.3"},
		{Chart, "1.2", "1.2.0"},
		{Chart, "0.1.1889+ca96506", "0.1.1889+d865e45"},
		{Image, "2024.08.01", "2024.8.1"},
		{Image, "v20231011-8b53cabe0", "v20231011-1a2b3c4d5"},
		{Git, "v1.2", "v1.2.0"},
	}
	for _, tt := range tests {
		if got, ok := Compare(tt.kind, tt.a, tt.b); !ok || got != 0 {
			t.Errorf("Compare(%s, %q, %q) = %d, %t, want 0, true", tt.kind, tt.a, tt.b, got, ok)
		}
	}
}

func TestCompareRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind Kind
		a, b string
	}{
		{Chart, "1.2.3", "latest"},
		{Chart, "1.2.3", "1.2.3.4"},
		{Chart, "1.2.3_4", "1.2.3"},
		{Image, "1.25", "1.25.3"},                   // other number of parts
		{Image, "3.7-alpine", "3.7.1-alpine"},       // the same
		{Image, "1.25", "v1.26"},                    // other prefix
		{Image, "1.25.3", "1.25.4-alpine"},          // other suffix
		{Image, "1.25.3-alpine3.19", "1.25.4-slim"}, // the same
		{Image, "9-jdk17", "9-jdk21"},               // a choice, not a version to be raised
		{Image, "6.5-php8.2", "6.6-php8.3"},
		{Image, "1.25", "2024.08"},
		{Image, "1", "20240801"},
		{Image, "25", "2024"},
		{Image, "17", "240801"},
		{Image, "2024", "20240801"},
		{Image, "20240801", "202408011200"},
		{Image, "1.2.3-12", "1.2.3-20240801"},
		{Image, "2024-08-01", "2024.08.01"},
		{Image, "4f2c9ab", "4f2c9ac"},
		{Image, "sha-1234567", "sha-1234568"},
		{Image, "main-4f2c9ab", "main-4f2c9ac"},
		{Image, "1.2.3-amd64", "1.2.4-arm64"},
		{Image, "latest", "1.0"},
		{Image, "k8s-1.2", "e2e-1.2"},
		{Git, "v1", "v1.2.3"}, // a moving alias
		{Git, "chart-a-1.2.3", "chart-b-1.2.4"},
		{Git, "v1.2.3", "main"},
		{"", "1", "2"},
	}
	for _, tt := range tests {
		if got, ok := Compare(tt.kind, tt.a, tt.b); ok {
			t.Errorf("Compare(%s, %q, %q) = %d, true, want false", tt.kind, tt.a, tt.b, got)
		}
		if _, ok := Compare(tt.kind, tt.b, tt.a); ok {
			t.Errorf("Compare(%s, %q, %q) is true, the other way false", tt.kind, tt.b, tt.a)
		}
	}
}

func TestReadTag(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in, prefix, shape string
		nums              []string
	}{
		{"1.25.3-alpine3.19", "", "-alpine#.#", []string{"1", "25", "3"}},
		{"v1.2.3-0-g4f2c9ab1", "v", "-#-%", []string{"1", "2", "3"}},
		{"kube-prometheus-stack-45.1.0", "kube-prometheus-stack-", "", []string{"45", "1", "0"}},
		{"RELEASE.2025-01-02T03-04-05Z", "RELEASE.", "", []string{"2025", "1", "2", "3", "4", "5"}},
		{"15.3.0-debian-11-r74", "", "-debian-#-r#", []string{"15", "3", "0"}},
		{"k8s-1.2", "k8s-", "", []string{"1", "2"}},
		{"3scale-1.2", "3scale-", "", []string{"1", "2"}},
		{"9.0-jdk17-temurin", "", "-jdk17-temurin", []string{"9", "0"}},
		{"1.2.3-20240801T1200Z", "", "-#time", []string{"1", "2", "3"}},
		{"go1.22rc1", "go", "", []string{"1", "22"}},
		{"1.2.3.Final", "", ".Final", []string{"1", "2", "3"}},
		{"nonroot-amd64", "nonroot-amd", "", []string{"64"}},
	}
	for _, tt := range tests {
		got, ok := readTag(tt.in)
		if !ok || got.prefix != tt.prefix || got.shape != tt.shape || !slices.Equal(got.nums, tt.nums) {
			t.Errorf("readTag(%q) = prefix %q nums %q shape %q, %t; want %q %q %q", tt.in, got.prefix, got.nums, got.shape, ok, tt.prefix, tt.nums, tt.shape)
		}
	}
}

func TestUpdateTypeOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		kind     Kind
		from, to string
		want     UpdateType
	}{
		{Chart, "1.2.3", "2.0.0", Major},
		{Chart, "0.1.0", "0.2.0", Minor},
		{Chart, "1.2.3", "1.2.4", Patch},
		{Chart, "1.2.3-rc.1", "1.2.3", Patch},
		{Chart, "1.2.3+up1", "1.2.3+up2", Revision},
		{Chart, "1.2.3", "v1.2.3", ""},
		{Chart, "1.2.3", "latest", ""},
		{Image, "1.25.3", "1.25.4", Patch},
		{Image, "1.25.3.1", "1.25.3.2", Patch},
		{Image, "1.25", "1.26", Minor},
		{Image, "15", "16", Major},
		{Image, "1.2.3-rc1", "1.2.3-rc2", Patch},
		{Image, "1.2.3-alpine3.19", "1.2.3-alpine3.20", Minor},
		{Image, "1.2.3-debian-12-r1", "1.2.3-debian-12-r2", Revision},
		{Image, "16.2-11", "16.2-12", Revision},
		{Image, "v1.26.0-k3s1", "v1.26.0-k3s2", Revision},
		{Image, "20240801", "20250801", Minor},
		{Image, "RELEASE.2024-12-31T23-59-59Z", "RELEASE.2025-01-02T03-04-05Z", Minor},
		{Image, "2024.12.1", "2025.1.0", Major},
		{Image, "1.25", "1.25.3", ""},
		{Image, "2.0.0", "1.0.0", Major}, // a revert goes as far as its update
	}
	for _, tt := range tests {
		if got := UpdateTypeOf(tt.kind, tt.from, tt.to); got != tt.want {
			t.Errorf("UpdateTypeOf(%s, %q, %q) = %q, want %q", tt.kind, tt.from, tt.to, got, tt.want)
		}
	}
}

func TestUpdateTypeWithin(t *testing.T) {
	t.Parallel()
	order := []UpdateType{DigestUpdate, Revision, Patch, Minor, Major}
	for i, a := range order {
		for j, limit := range order {
			if got := a.Within(limit); got != (i <= j) {
				t.Errorf("%s.Within(%s) = %t", a, limit, got)
			}
		}
		if !a.Within("") {
			t.Errorf("%s is not within no limit", a)
		}
	}
	if UpdateType("huge").Within(Major) {
		t.Error("an unknown type is within major")
	}
}

func TestRewriteConstraint(t *testing.T) {
	t.Parallel()
	tests := []struct{ old, version, want string }{
		{"1.2.3", "1.3.0", "1.3.0"},
		{"=1.2.3", "1.3.0", "=1.3.0"},
		{"= 1.2.3", "1.3.0", "= 1.3.0"},
		{"==1.2.3", "1.3.0", "==1.3.0"},
		{"v1.2.3", "1.3.0", "v1.3.0"},
		{"1.2", "1.3.4", "1.3"},
		{"1", "2.3.4", "2"},
		{"1.x", "2.3.4", "2.x"},
		{"1.X.X", "2.3.4", "2.X.X"},
		{"1.2.*", "1.3.4", "1.3.*"},
		{"v1.2.x", "v2.0.1", "v2.0.x"},
		{"^1.2.3", "2.3.4", "^2.3.4"},
		{"^1.2", "2.3.4", "^2.3"},
		{"^1", "2.3.4", "^2"},
		{"^0.1.2", "0.2.0", "^0.2.0"},
		{"~1.2.3", "1.3.4", "~1.3.4"},
		{"~> 1.2", "1.3.4", "~> 1.3"},
		{"^1.2.3-0", "2.3.4", "^2.3.4-0"},
		{"^1.2.3-0", "2.3.4-rc.1", "^2.3.4-0"},
		{"~1.2.3-rc.1", "1.3.0-rc.2", "~1.3.0-rc.2"},
		{"^1.2.3-beta", "2.0.0", "^2.0.0"},
		{">=1.2.3 <2.0.0", "2.3.4", ">=1.2.3 <3.0.0"},
		{">=1.2.3,<2.0.0", "2.3.4", ">=1.2.3,<3.0.0"},
		{">= 1.2, < 1.5", "2.3.4", ">= 1.2, < 2.4"},
		{">1 <=1.9.0", "2.3.4", ">1 <=2.3.4"},
		{"<2", "2.3.4", "<3"},
		{"<2.0.0-0", "2.3.4", "<3.0.0-0"},
		{"<1.2.3", "1.2.3", "<1.2.4"},
		{"1.2 - 1.9", "2.3.4", "1.2 - 2.3"},
		{"1.0.0 - 2.0.0", "2.3.4", "1.0.0 - 2.3.4"},
		{"^1.2 !=1.2.5", "2.0.1", "^2.0 !=1.2.5"},
		{"^1.0 || ^2.0", "3.1.0", "^1.0 || ^2.0 || ^3.1"},
		{"^1.2", "1.9.0", "^1.2"}, // admits it already
		{"*", "9.0.0", "*"},
		{">=1.0.0", "9.0.0", ">=1.0.0"},
		{"1.2.3+up1", "1.3.0+up2", "1.3.0+up2"},
		// What cannot be written.
		{">=2.0.0", "1.0.0", ""},
		{"1.x", "2.0.0-rc.1", ""},
		{"!=1.5.0", "1.5.0", ""},
		{"latest", "1.0.0", ""},
		{"^1.0", "not-a-version", ""},
	}
	for _, tt := range tests {
		got, ok := RewriteConstraint(tt.old, tt.version)
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("RewriteConstraint(%q, %q) = %q, %t, want %q", tt.old, tt.version, got, ok, tt.want)
		}
	}
}
