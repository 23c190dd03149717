package ociregistry

import "strings"

// challenge is one way to authenticate that a WWW-Authenticate header offers.
type challenge struct {
	scheme string            // lower case
	params map[string]string // keys in lower case
}

// parseChallenges reads all challenges of all headers; several may share one
// header, separated by the same commas as their parameters (RFC 9110, 11.6.1).
// What cannot be read ends the header.
func parseChallenges(headers []string) []challenge {
	var all []challenge
	for _, h := range headers {
		s := &scanner{h}
		for {
			s.skip(", \t")
			scheme := s.token()
			if scheme == "" {
				break
			}
			c := challenge{scheme: strings.ToLower(scheme), params: map[string]string{}}
			s.params(c.params)
			all = append(all, c)
		}
	}
	return all
}

type scanner struct{ rest string }

func (s *scanner) skip(set string) { s.rest = strings.TrimLeft(s.rest, set) }

func (s *scanner) token() string {
	i := 0
	for i < len(s.rest) && isToken(s.rest[i]) {
		i++
	}
	t := s.rest[:i]
	s.rest = s.rest[i:]
	return t
}

func isToken(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' ||
		strings.IndexByte("!#$%&'*+-.^_`|~/", c) >= 0
}

// params reads key=value pairs until what follows is the next challenge.
func (s *scanner) params(into map[string]string) {
	for {
		before := s.rest
		s.skip(", \t")
		key := s.token()
		s.skip(" \t")
		if key == "" || !strings.HasPrefix(s.rest, "=") {
			s.rest = before // a scheme, or nothing
			return
		}
		s.rest = s.rest[1:]
		s.skip("=") // the padding of a token68, whose name matters to nobody
		s.skip(" \t")
		value := ""
		if strings.HasPrefix(s.rest, `"`) {
			value = s.quoted()
		} else {
			value = s.token()
		}
		if _, twice := into[strings.ToLower(key)]; !twice {
			into[strings.ToLower(key)] = value
		}
	}
}

func (s *scanner) quoted() string {
	var b strings.Builder
	i := 1
	for ; i < len(s.rest) && s.rest[i] != '"'; i++ {
		if s.rest[i] == '\\' && i+1 < len(s.rest) {
			i++
		}
		b.WriteByte(s.rest[i])
	}
	s.rest = s.rest[min(i+1, len(s.rest)):]
	return b.String()
}
