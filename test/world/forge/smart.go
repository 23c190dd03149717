package forge

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
)

// Git's smart HTTP: what `git http-backend` does, without CGI.

// enter finds the repository and checks the credentials of a Git client. It
// has answered when it returns nil.
func (s *Server) enter(w http.ResponseWriter, hr *http.Request, service string) *Repo {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repos[hr.PathValue("owner")+"/"+strings.TrimSuffix(hr.PathValue("repo"), ".git")]
	token := tokenOf(hr)
	g, known := s.login(token)
	switch {
	case service != "git-upload-pack" && service != "git-receive-pack":
		http.Error(w, "dumb HTTP is not spoken here", http.StatusForbidden)
	case token != "" && !known, service == "git-receive-pack" && token == "":
		w.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
		http.Error(w, "Authentication required", http.StatusUnauthorized)
	case r == nil:
		http.Error(w, "Repository not found.", http.StatusNotFound)
	case service == "git-receive-pack" && !g.write:
		http.Error(w, "Permission to "+r.full()+" denied to "+g.login+".", http.StatusForbidden)
	default:
		return r
	}
	return nil
}

func (s *Server) advertise(w http.ResponseWriter, hr *http.Request) {
	service := hr.URL.Query().Get("service")
	r := s.enter(w, hr, service)
	if r == nil {
		return
	}
	w.Header().Set("Content-Type", "application/x-"+service+"-advertisement")
	w.Header().Set("Cache-Control", "no-cache")
	if hr.Header.Get("Git-Protocol") != "version=2" || service == "git-receive-pack" {
		line := "# service=" + service + "\n"
		fmt.Fprintf(w, "%04x%s0000", len(line)+4, line)
	}
	s.pack(w, hr, nil, r, service, "--advertise-refs")
}

func (s *Server) exchange(w http.ResponseWriter, hr *http.Request) {
	service := hr.PathValue("service")
	r := s.enter(w, hr, service)
	if r == nil {
		return
	}
	var body io.Reader = hr.Body
	if hr.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = z
	}
	w.Header().Set("Content-Type", "application/x-"+service+"-result")
	w.Header().Set("Cache-Control", "no-cache")
	s.pack(w, hr, body, r, service)
	if service == "git-receive-pack" {
		s.mu.Lock()
		defer s.mu.Unlock()
		_ = r.sync() // the next API request says what is wrong
	}
}

// pack runs a Git service between the client and the repository.
func (s *Server) pack(w http.ResponseWriter, hr *http.Request, in io.Reader, r *Repo, service string, args ...string) {
	args = append([]string{strings.TrimPrefix(service, "git-"), "--stateless-rpc"}, append(args, r.dir)...)
	cmd := exec.CommandContext(s.ctx, "git", args...)
	cmd.Dir = r.dir
	cmd.Env = gitEnv(r.dir)
	if v := hr.Header.Get("Git-Protocol"); v != "" {
		cmd.Env = append(cmd.Env, "GIT_PROTOCOL="+v)
	}
	cmd.Stdin, cmd.Stdout = in, flushing{w}
	cmd.Stderr = os.Stderr
	// Git answers once it has read what it needs. Without this the server would
	// then close the request's body under whoever still looks for its end.
	if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if err := cmd.Start(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if err := cmd.Wait(); err != nil { // its answer has begun: a word of ours would be taken for Git's
		fmt.Fprintf(os.Stderr, "forge: %s of %s: %v\n", service, r.full(), err)
	}
}

// flushing sends what is written at once: Git's progress is for people.
type flushing struct{ w http.ResponseWriter }

func (f flushing) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err == nil {
		err = http.NewResponseController(f.w).Flush()
	}
	return n, err
}
