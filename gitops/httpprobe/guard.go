package httpprobe

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// transports are one for the hosts that the configuration names, and one for
// where redirects lead, which dials public addresses only. The check is made
// on the address that is dialled, so no name can change its mind in between.
// Keep-alive is off: an attempt must not ride on an earlier one's connection.
func transports(o Options) (first, guarded http.RoundTripper, err error) {
	var config *tls.Config
	if len(o.CA) > 0 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(o.CA) {
			return nil, nil, errors.New("open probe: the certificate authority is no PEM certificate")
		}
		config = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	open := http.DefaultTransport.(*http.Transport).Clone()
	open.TLSClientConfig, open.DisableKeepAlives = config.Clone(), true
	public := open.Clone()
	// Through a proxy we would see the proxy's address and not the target's.
	public.Proxy = nil
	public.DialContext = (&net.Dialer{Timeout: 10 * time.Second, Control: refusePrivate}).DialContext
	return open, public, nil
}

func refusePrivate(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("redirected to an unreadable address %q", address)
	}
	if !public(ap.Addr()) {
		return fmt.Errorf("redirected to the private address %s", ap.Addr())
	}
	return nil
}

// reserved are the ranges of the IANA special-purpose address registries
// (RFC 6890) that the standard library does not name.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"),
	netip.MustParsePrefix("64:ff9b::/96"),   // NAT64 may lead to any IPv4 address
	netip.MustParsePrefix("64:ff9b:1::/48"), //
	netip.MustParsePrefix("2001::/32"),      // Teredo
	netip.MustParsePrefix("2002::/16"),      // 6to4
	netip.MustParsePrefix("fec0::/10"),
}

func public(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}
