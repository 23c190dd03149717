package source

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// guard decides which addresses may be asked. What a repository of manifests
// names is written by whoever may open a pull request: without the guard a
// "chart repository" at 169.254.169.254 would be asked for its credentials.
type guard struct {
	all   bool
	hosts map[string]bool // lower-case, "host" or "host:port"
	nets  []netip.Prefix
}

// newGuard reads what the user allows: hosts, host:port, addresses, CIDRs, "*".
func newGuard(allow []string) (*guard, error) {
	g := &guard{hosts: map[string]bool{}}
	for _, a := range allow {
		a = strings.ToLower(strings.TrimSpace(a))
		switch {
		case a == "":
		case a == "*":
			g.all = true
		case strings.Contains(a, "/"):
			p, err := netip.ParsePrefix(a)
			if err != nil {
				return nil, fmt.Errorf("read allowed address %q: %w", a, err)
			}
			g.nets = append(g.nets, p.Masked())
		default:
			g.hosts[a] = true
			if ip, err := netip.ParseAddr(strings.Trim(a, "[]")); err == nil {
				ip = ip.Unmap()
				g.nets = append(g.nets, netip.PrefixFrom(ip, ip.BitLen()))
			}
		}
	}
	return g, nil
}

func (g *guard) allowHost(hostport string) { g.hosts[strings.ToLower(hostport)] = true }

// named reports whether the user allowed this host by its name.
func (g *guard) named(hostport string) bool {
	hostport = strings.ToLower(hostport)
	if g.all || g.hosts[hostport] {
		return true
	}
	host, _, err := net.SplitHostPort(hostport)
	return err == nil && (g.hosts[host] || g.hosts["["+host+"]"])
}

func (g *guard) permits(ip netip.Addr) (reason string) {
	ip = ip.WithZone("").Unmap()
	for _, p := range g.nets {
		if p.Contains(ip) {
			return ""
		}
	}
	return private(ip)
}

// checkURL refuses what can be refused before a name is resolved. It is all
// that can be checked of a request that goes through a proxy, which resolves
// names itself; the user chose that proxy.
func (g *guard) checkURL(u *url.URL) error {
	if u.Scheme != "http" && u.Scheme != "https" {
		return &Refused{Host: u.Host, Reason: fmt.Sprintf("scheme %q is neither http nor https", u.Scheme)}
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if host == "" || strings.ContainsAny(host, " \t\r\n@/\\") {
		return &Refused{Host: u.Host, Reason: "not a host name"}
	}
	if g.named(hostport(u)) || g.named(u.Host) {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if why := g.permits(ip); why != "" {
			return &Refused{Host: u.Host, Reason: why}
		}
		return nil
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return &Refused{Host: u.Host, Reason: "loopback address"}
	}
	// "0x7f.1" and "2130706433" are addresses to some resolvers.
	if last := host[strings.LastIndexByte(host, '.')+1:]; last != "" && last[0] >= '0' && last[0] <= '9' {
		return &Refused{Host: u.Host, Reason: "not a host name"}
	}
	return nil
}

// dial connects as net.Dialer does, and checks each resolved address at the
// last moment before the connection, so that no second answer of the name
// system can slip in between.
func (g *guard) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	if !g.named(addr) {
		d.ControlContext = func(_ context.Context, _, resolved string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(resolved)
			if err != nil {
				return &Refused{Host: addr, Reason: "unreadable address"}
			}
			if why := g.permits(ap.Addr()); why != "" {
				return &Refused{Host: addr, Reason: why}
			}
			return nil
		}
	}
	return d.DialContext(ctx, network, addr)
}

// hostport is the URL's host with its port, the default one included.
func hostport(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "443"
		if u.Scheme == "http" {
			port = "80"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// loopback reports whether the host is this machine by its very name.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// private names the reason why an address is not a public one, or "".
// Sources: the IANA special-purpose address registries (RFC 6890).
func private(ip netip.Addr) string {
	ip = ip.Unmap()
	switch {
	case !ip.IsValid():
		return "unreadable address"
	case ip.IsUnspecified():
		return "unspecified address"
	case ip.IsLoopback():
		return "loopback address"
	case ip.IsPrivate():
		return "private address"
	case ip.IsLinkLocalUnicast():
		return "link-local address"
	case ip.IsMulticast():
		return "multicast address"
	}
	if ip.Is4() {
		b := ip.As4()
		switch {
		case b[0] == 0:
			return "address of this network"
		case b[0] == 100 && b[1]&0xc0 == 64:
			return "carrier-grade NAT address"
		case b[0] == 192 && b[1] == 0 && b[2] == 0, b[0] == 198 && b[1]&0xfe == 18, b[0] >= 240:
			return "reserved address"
		}
		return ""
	}
	b := ip.As16()
	v4 := func(i int) string { return private(netip.AddrFrom4([4]byte(b[i : i+4]))) }
	switch {
	case hasPrefix(b, 0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0): // NAT64: the IPv4 address decides
		return v4(12)
	case hasPrefix(b, 0x20, 0x02): // 6to4
		return v4(2)
	case hasPrefix(b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0): // IPv4-compatible, long deprecated
		return "reserved address"
	case hasPrefix(b, 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01), hasPrefix(b, 0x20, 0x01, 0, 0), b[0] == 0xfe && b[1]&0xc0 == 0xc0:
		return "reserved address"
	}
	return ""
}

func hasPrefix(b [16]byte, p ...byte) bool { return string(b[:len(p)]) == string(p) }
