package repo

import (
	"bytes"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"golang.org/x/crypto/ssh"
)

// Signer signs commits.
type Signer interface {
	// Sign returns the armored signature of a commit's text, as Git puts it
	// into the header gpgsig. at is the commit's time.
	Sign(text []byte, at time.Time) (string, error)
}

// NewSSHSigner signs with a private SSH key in PEM, as gpg.format=ssh does.
// The passphrase may be empty.
func NewSSHSigner(key []byte, passphrase string) (Signer, error) {
	var s ssh.Signer
	var err error
	if passphrase != "" {
		s, err = ssh.ParsePrivateKeyWithPassphrase(key, []byte(passphrase))
	} else {
		s, err = ssh.ParsePrivateKey(key)
	}
	if err != nil {
		return nil, fmt.Errorf("read SSH signing key: %w", err)
	}
	return sshSigner{s}, nil
}

type sshSigner struct{ key ssh.Signer }

// Sign writes an SSH signature as OpenSSH's PROTOCOL.sshsig defines it.
func (s sshSigner) Sign(text []byte, _ time.Time) (string, error) {
	const magic, namespace, hash = "SSHSIG", "git", "sha512"
	sum := sha512.Sum512(text)
	signed := append([]byte(magic), ssh.Marshal(struct {
		Namespace, Reserved, Hash string
		Sum                       []byte
	}{namespace, "", hash, sum[:]})...)

	var sig *ssh.Signature
	var err error
	if s.key.PublicKey().Type() == ssh.KeyAlgoRSA {
		// The format forbids RSA with SHA-1, which is the default.
		with, ok := s.key.(ssh.AlgorithmSigner)
		if !ok {
			return "", errors.New("the RSA key cannot sign with SHA-512")
		}
		sig, err = with.SignWithAlgorithm(rand.Reader, signed, ssh.KeyAlgoRSASHA512)
	} else {
		sig, err = s.key.Sign(rand.Reader, signed)
	}
	if err != nil {
		return "", err
	}
	blob := append([]byte(magic), ssh.Marshal(struct {
		Version                   uint32
		Key                       []byte
		Namespace, Reserved, Hash string
		Signature                 []byte
	}{1, s.key.PublicKey().Marshal(), namespace, "", hash, ssh.Marshal(sig)})...)

	var out strings.Builder
	out.WriteString("-----BEGIN SSH SIGNATURE-----\n")
	for line := base64.StdEncoding.EncodeToString(blob); line != ""; {
		n := min(len(line), 70)
		out.WriteString(line[:n] + "\n")
		line = line[n:]
	}
	out.WriteString("-----END SSH SIGNATURE-----\n")
	return out.String(), nil
}

// NewOpenPGPSigner signs with the first key of an armored private key ring
// that can sign. The passphrase may be empty.
func NewOpenPGPSigner(armored []byte, passphrase string) (Signer, error) {
	ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(armored))
	if err != nil {
		return nil, fmt.Errorf("read OpenPGP signing key: %w", err)
	}
	for _, e := range ring {
		if e.PrivateKey == nil {
			continue
		}
		if passphrase != "" {
			if err := e.DecryptPrivateKeys([]byte(passphrase)); err != nil {
				return nil, fmt.Errorf("unlock OpenPGP signing key: %w", err)
			}
		}
		if e.PrivateKey.Encrypted {
			return nil, errors.New("read OpenPGP signing key: it is locked, and no passphrase was given")
		}
		return pgpSigner{e}, nil
	}
	return nil, errors.New("read OpenPGP signing key: no private key in it")
}

type pgpSigner struct{ key *openpgp.Entity }

func (s pgpSigner) Sign(text []byte, at time.Time) (string, error) {
	same := false // no random notation: equal text gets the equal signature
	var out bytes.Buffer
	err := openpgp.ArmoredDetachSign(&out, s.key, bytes.NewReader(text), &packet.Config{
		Time:                                  func() time.Time { return at },
		NonDeterministicSignaturesViaNotation: &same,
	})
	if err != nil {
		return "", err
	}
	return out.String() + "\n", nil
}
