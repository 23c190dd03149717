package e2e

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
)

// ports hands out free ports of the loopback address, each once.
type ports struct {
	mu   sync.Mutex
	seen map[int]bool
}

// Ports for servers are below those that Linux gives to connections going out:
// else one of these takes the port of a server that is stopped for a while.
const (
	lowestPort  = 12000
	highestPort = 32000
)

// next returns an address that nothing listens on.
func (p *ports) next() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen == nil {
		p.seen = map[int]bool{}
	}
	for range 1000 {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
		if p.seen[port] {
			continue
		}
		address := fmt.Sprintf("127.0.0.1:%d", port)
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue // taken
		}
		p.seen[port] = true
		return address, l.Close()
	}
	return "", fmt.Errorf("find a free port: none in a thousand tries")
}

// portOf is the port of an address.
func portOf(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		panic(err) // only of our own making
	}
	return port
}

// Gate is a way to a server that can be closed: a cluster of its own as far as
// those who come through it can tell, and one that can be cut off.
type Gate struct {
	Address string

	to       string
	listener net.Listener
	mu       sync.Mutex
	closed   bool
	open     map[net.Conn]bool
}

// openGate listens and passes everything on.
func openGate(to string) (*Gate, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &Gate{Address: l.Addr().String(), to: to, listener: l, open: map[net.Conn]bool{}}
	go g.serve()
	return g, nil
}

func (g *Gate) serve() {
	for {
		in, err := g.listener.Accept()
		if err != nil {
			return
		}
		go g.pass(in)
	}
}

func (g *Gate) pass(in net.Conn) {
	defer in.Close()
	if !g.enter(in) {
		return
	}
	defer g.leave(in)
	out, err := net.Dial("tcp", g.to)
	if err != nil {
		return
	}
	defer out.Close()
	go func() {
		_, _ = io.Copy(out, in) // ends when either side does
		_ = out.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(in, out)
}

func (g *Gate) enter(c net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.open[c] = true
	}
	return !g.closed
}

func (g *Gate) leave(c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, c)
}

// Cut ends every connection and lets no new one through, until Mend.
func (g *Gate) Cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for c := range g.open {
		c.Close()
	}
}

// Mend lets connections through again.
func (g *Gate) Mend() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = false
}

func (g *Gate) close() {
	g.listener.Close()
	g.Cut()
}
