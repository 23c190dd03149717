// Package webhook receives what forges, delivery engines and alerting send
// when something happens: GitHub, Gitea and Forgejo, Flux' notification
// controller (generic-hmac), Argo CD notifications and whoever else can send a
// bearer token, Alertmanager for one.
//
// A delivery is a hint and nothing more: it says when to look, never what is
// so. It may be lost, late, twice or replayed without harm, since whoever is
// hinted at looks for themselves, and polls besides.
//
// It refuses what is not signed by a secret, or does not carry a token, that
// it was given, before it reads any meaning into it, and does not say why. It
// refuses to run without secrets. It keeps no queue and starts no work.
//
// Argo CD signs nothing: let its webhook service send the header
// "Authorization: Bearer …" (or basicAuth with the token as the password) and
// a body such as
//
//	{"app": {{toJson .app.metadata.name}}, "kind": {{toJson .app.status.operationState.phase}}}
package webhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// MaxBody is the largest body that is read, in bytes: what GitHub caps its
// payloads at.
const MaxBody = 25 << 20

const (
	// A body is in memory before its signature can be checked, so strangers
	// may make us hold some: this many small ones and large ones at once.
	smallBody   = 1 << 20
	smallBodies = 64
	largeBodies = 2
	// readLimit is how long a sender may take: GitHub gives up after as long.
	readLimit = 10 * time.Second
	// minSecret is the shortest secret, in bytes. One who sees a delivery may
	// try secrets against its signature at leisure.
	minSecret = 16
)

// Hint says that something happened. Empty fields are not known; all of it is
// for logs and for choosing whom to tell, never for deciding.
type Hint struct {
	Source     string // github, gitea, flux, argocd, alertmanager or generic
	Repository string // owner/name, as the forge spells it
	Kind       string // the forge's event ("pull_request"), Flux' reason, Alertmanager's status
	Number     int    // of the pull or issue
	// Branch is the head branch of a pull, the branch that was pushed, and of
	// a merge group the branch that it waits to join. Empty where several are
	// concerned.
	Branch   string
	Delivery string // the sender's identifier of the delivery
}

// Concerns reports whether a repository (owner/name) may be meant: it is, or
// the hint does not say which one.
func (h Hint) Concerns(repository string) bool {
	return h.Repository == "" || strings.EqualFold(h.Repository, repository)
}

// Options are what a Handler needs.
type Options struct {
	// Secrets sign bodies (HMAC with SHA-256), Tokens are sent as they are.
	// Each of several is good, so that they can be changed without a gap.
	// Between them there must be one; none may be shorter than 16 bytes.
	Secrets [][]byte
	Tokens  []string
	// Hint is called for each delivery, before it is answered: it must not
	// block. It may be called concurrently.
	Hint func(Hint)
}

// Counts are how many deliveries met which end.
type Counts struct {
	Accepted   uint64 // of which Unreadable had a body that said nothing to us
	Unreadable uint64
	Refused    uint64 // neither signed nor with a token
	TooLarge   uint64
	Busy       uint64 // too many at once
}

// Handler takes deliveries by POST, at whatever path it is mounted.
type Handler struct {
	secrets [][]byte
	tokens  [][sha256.Size]byte
	hint    func(Hint)
	small   chan struct{}
	large   chan struct{}

	accepted, unreadable, refused, tooLarge, busy atomic.Uint64
}

// New returns a handler, or why its secrets are none.
func New(o Options) (*Handler, error) {
	if o.Hint == nil {
		return nil, errors.New("receive webhooks: nobody to tell of them")
	}
	if len(o.Secrets)+len(o.Tokens) == 0 {
		return nil, errors.New("receive webhooks: no secret and no token: anybody could send them")
	}
	h := &Handler{hint: o.Hint, small: make(chan struct{}, smallBodies), large: make(chan struct{}, largeBodies)}
	for i, s := range o.Secrets {
		if err := strong(s); err != nil {
			return nil, fmt.Errorf("receive webhooks: secret %d of %d: %w", i+1, len(o.Secrets), err)
		}
		h.secrets = append(h.secrets, bytes.Clone(s))
	}
	for i, t := range o.Tokens {
		if err := strong([]byte(t)); err != nil {
			return nil, fmt.Errorf("receive webhooks: token %d of %d: %w", i+1, len(o.Tokens), err)
		}
		h.tokens = append(h.tokens, sha256.Sum256([]byte(t)))
	}
	return h, nil
}

func strong(secret []byte) error {
	if !bytes.Equal(secret, bytes.TrimSpace(secret)) {
		return errors.New("it begins or ends with white space; was it read from a file with a last line end?")
	}
	if len(secret) < minSecret {
		return fmt.Errorf("it has %d bytes and needs %d; openssl rand -hex 32 makes one", len(secret), minSecret)
	}
	return nil
}

// Counts returns what was received since the start.
func (h *Handler) Counts() Counts {
	return Counts{
		Accepted: h.accepted.Load(), Unreadable: h.unreadable.Load(), Refused: h.refused.Load(),
		TooLarge: h.tooLarge.Load(), Busy: h.busy.Load(),
	}
}

// ServeHTTP answers 202 to a delivery, 200 to GitHub's ping, 401 to what
// nobody vouches for, 413 to what is too large, 503 when too many come at once.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, http.StatusMethodNotAllowed)
		return
	}
	vouched := h.tokenOf(r)
	signatures := signaturesOf(r.Header)
	if !vouched && len(signatures) == 0 {
		h.refused.Add(1)
		refuse(w, http.StatusUnauthorized)
		return
	}
	body, release, status := h.read(w, r)
	defer release()
	if status != 0 {
		refuse(w, status)
		return
	}
	if !vouched && !h.signed(body, signatures) {
		h.refused.Add(1)
		refuse(w, http.StatusUnauthorized)
		return
	}
	h.accepted.Add(1)
	source, kind, delivery := origin(r.Header)
	if source == "github" && kind == "ping" {
		w.WriteHeader(http.StatusOK)
		return
	}
	hint, ok := read(source, kind, r.Header.Get("Content-Type"), body)
	if !ok {
		h.unreadable.Add(1)
	}
	hint.Delivery = delivery
	h.hint(hint)
	w.WriteHeader(http.StatusAccepted)
}

// refuse answers with the status and its name: details help only those who
// try doors.
func refuse(w http.ResponseWriter, status int) {
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	http.Error(w, http.StatusText(status), status)
}

// read takes the body in, within what we are willing to hold. A status other
// than 0 says why it was not. Release must be called in any case.
func (h *Handler) read(w http.ResponseWriter, r *http.Request) (body []byte, release func(), status int) {
	var taken []chan struct{}
	release = func() {
		for _, slots := range taken {
			<-slots
		}
	}
	take := func(slots chan struct{}) bool {
		select {
		case slots <- struct{}{}:
			taken = append(taken, slots)
			return true
		default:
			h.busy.Add(1)
			return false
		}
	}
	if r.ContentLength > MaxBody {
		h.tooLarge.Add(1)
		return nil, release, http.StatusRequestEntityTooLarge
	}
	if !take(h.small) {
		return nil, release, http.StatusServiceUnavailable
	}
	// Servers that cannot do this have limits of their own, or are tests.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readLimit))
	limited := http.MaxBytesReader(w, r.Body, MaxBody)
	body, err := io.ReadAll(io.LimitReader(limited, smallBody))
	if err == nil && len(body) == smallBody {
		if !take(h.large) {
			return nil, release, http.StatusServiceUnavailable
		}
		rest, restErr := io.ReadAll(limited)
		body, err = append(body, rest...), restErr
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		h.tooLarge.Add(1)
		return nil, release, http.StatusRequestEntityTooLarge
	case err != nil:
		h.refused.Add(1)
		return nil, release, http.StatusBadRequest
	}
	return body, release, 0
}

// signaturesOf returns the HMAC-SHA256 signatures that a request carries.
// GitHub: https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries;
// Gitea sends its own header beside GitHub's; Flux:
// https://fluxcd.io/flux/components/notification/providers/#generic-webhook-with-hmac.
func signaturesOf(header http.Header) [][]byte {
	var found [][]byte
	for _, name := range []string{"X-Hub-Signature-256", "X-Gitea-Signature", "X-Forgejo-Signature", "X-Signature"} {
		text := strings.TrimPrefix(header.Get(name), "sha256=")
		if sum, err := hex.DecodeString(text); err == nil && len(sum) == sha256.Size {
			found = append(found, sum)
		}
	}
	return found
}

// signed reports whether one of the secrets made one of the signatures. Every
// pair is compared, so that time does not tell which came close.
func (h *Handler) signed(body []byte, signatures [][]byte) bool {
	good := 0
	for _, secret := range h.secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write(body)
		sum := mac.Sum(nil)
		for _, s := range signatures {
			good |= subtle.ConstantTimeCompare(sum, s)
		}
	}
	return good == 1
}

// tokenOf reports whether the request carries one of the tokens, as a bearer's
// or as the password of basic authentication.
func (h *Handler) tokenOf(r *http.Request) bool {
	token, isBasic := "", false
	if _, token, isBasic = r.BasicAuth(); !isBasic {
		scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return false
		}
		token = strings.TrimSpace(rest)
	}
	sum := sha256.Sum256([]byte(token))
	good := 0
	for _, t := range h.tokens {
		good |= subtle.ConstantTimeCompare(sum[:], t[:])
	}
	return good == 1
}
