package repo

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/go-git/go-git/v5/plumbing/object"
	"golang.org/x/crypto/ssh"
)

func privateKey(t *testing.T, key any) []byte {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

// TestSSHSignature has the git program verify what was signed.
func TestSSHSignature(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		t.Skip("ssh-keygen is not here")
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	dir := remoteRepo(t, small())
	for name, key := range map[string]any{"ed25519": ed, "ecdsa": ec, "rsa": rs} {
		t.Run(name, func(t *testing.T) {
			armored := privateKey(t, key)
			signer, err := NewSSHSigner(armored, "")
			if err != nil {
				t.Fatal(err)
			}
			public, err := ssh.ParsePrivateKey(armored)
			if err != nil {
				t.Fatal(err)
			}
			c := signed(t, dir, "promoter/"+name, signer, name != "ecdsa")
			allowed := filepath.Join(t.TempDir(), "allowed")
			if err := os.WriteFile(allowed, append([]byte("promoter@example.com "), ssh.MarshalAuthorizedKey(public.PublicKey())...), 0o600); err != nil {
				t.Fatal(err)
			}
			out := git(t, dir, "-c", "gpg.ssh.allowedSignersFile="+allowed, "verify-commit", c)
			if !strings.Contains(out, `Good "git" signature for promoter@example.com`) {
				t.Errorf("verify-commit: %s", out)
			}
		})
	}
	t.Run("passphrase", func(t *testing.T) {
		block, err := ssh.MarshalPrivateKeyWithPassphrase(ed, "", []byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		locked := pem.EncodeToMemory(block)
		if _, err := NewSSHSigner(locked, "secret"); err != nil {
			t.Error(err)
		}
		for _, wrong := range []string{"", "other"} {
			if _, err := NewSSHSigner(locked, wrong); err == nil {
				t.Errorf("unlocked with %q", wrong)
			}
		}
	})
}

// signed pushes a signed commit; twice the same where the key allows it.
func signed(t *testing.T, dir, branch string, s Signer, same bool) string {
	t.Helper()
	r := open(t, "file://"+dir, func(o *Options) { o.Signer = s })
	base := heads(t, r, "main")["main"]
	files := map[string][]byte{"a.yaml": []byte(branch)}
	c, err := r.Commit(base, files, "Signed", noon)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.Commit(base, files, "Signed", noon); err != nil || same && again != c {
		t.Errorf("the same commit is %s and %s: %v", c, again, err)
	}
	if err := r.Push(context.Background(), branch, c, ""); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestOpenPGPSignature(t *testing.T) {
	t.Parallel()
	created := noon.Add(-time.Hour)
	entity, err := openpgp.NewEntity("Promoter", "", "promoter@example.com", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return created }})
	if err != nil {
		t.Fatal(err)
	}
	var private, public bytes.Buffer
	w, err := armor.Encode(&private, openpgp.PrivateKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(entity.SerializePrivate(w, nil), w.Close()); err != nil {
		t.Fatal(err)
	}
	if w, err = armor.Encode(&public, openpgp.PublicKeyType, nil); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(entity.Serialize(w), w.Close()); err != nil {
		t.Fatal(err)
	}
	signer, err := NewOpenPGPSigner(private.Bytes(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewOpenPGPSigner(public.Bytes(), ""); err == nil {
		t.Error("a public key was taken for a private one")
	}
	dir := remoteRepo(t, small())
	c := signed(t, dir, "promoter/pgp", signer, true)

	r := open(t, "file://"+dir)
	heads(t, r, "promoter/pgp")
	commit, err := object.GetCommit(r.store, plumbingHash(c))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := commit.Verify(public.String()); err != nil {
		t.Errorf("verify: %v", err)
	}
	if _, err := exec.LookPath("gpg"); err != nil {
		t.Log("gpg is not here: verified by the library alone")
		return
	}
	home := t.TempDir()
	if err := os.Chmod(home, 0o700); err != nil {
		t.Fatal(err)
	}
	gpg := exec.Command("gpg", "--homedir", home, "--batch", "--import")
	gpg.Stdin = &public
	if out, err := gpg.CombinedOutput(); err != nil {
		t.Fatalf("gpg: %v\n%s", err, out)
	}
	verify := exec.Command("git", "verify-commit", c)
	verify.Dir = dir
	verify.Env = append(os.Environ(), "GNUPGHOME="+home, "GIT_CONFIG_GLOBAL=/dev/null")
	if out, err := verify.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("Good signature")) {
		t.Errorf("verify-commit: %v\n%s", err, out)
	}
}
