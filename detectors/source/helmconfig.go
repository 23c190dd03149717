package source

import (
	"errors"
	"net/url"
	"strings"

	"gopkg.in/yaml.v3"
)

// helmRepo is an entry of Helm's repositories.yaml that carries something.
type helmRepo struct {
	url  *url.URL
	cred Credential
}

func parseHelmRepos(data []byte) ([]helmRepo, error) {
	var file struct {
		Repositories []struct {
			URL      string `yaml:"url"`
			Username string `yaml:"username"`
			Password string `yaml:"password"`
			CAFile   string `yaml:"caFile"`
			CertFile string `yaml:"certFile"`
			KeyFile  string `yaml:"keyFile"`
		} `yaml:"repositories"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		// The parser's text quotes the file, which holds passwords.
		return nil, errors.New("helm repositories file: not valid YAML")
	}
	var repos []helmRepo
	for _, r := range file.Repositories {
		u, err := url.Parse(r.URL)
		if err != nil || u.Host == "" || u.Scheme == "oci" {
			continue
		}
		c := Credential{Username: r.Username, Password: r.Password,
			TLS: TLS{CAFile: r.CAFile, CertFile: r.CertFile, KeyFile: r.KeyFile}}
		if !c.Empty() || c.TLS != (TLS{}) {
			repos = append(repos, helmRepo{u, c})
		}
	}
	return repos, nil
}

// findHelmRepo returns what is kept for the repository that u lies in: the
// longest that matches, since one host may serve several to several users.
func findHelmRepo(repos []helmRepo, u *url.URL) Credential {
	var best Credential
	longest := -1
	for _, r := range repos {
		path := strings.TrimRight(r.url.Path, "/")
		rest, inside := strings.CutPrefix(u.Path, path)
		if !sameOrigin(r.url, u) || !inside || rest != "" && rest[0] != '/' || len(path) <= longest {
			continue
		}
		best, longest = r.cred, len(path)
	}
	return best
}
