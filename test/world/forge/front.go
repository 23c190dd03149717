package forge

import "net/http"

// Front is what stands between the server and its clients: it may pass a
// request on to next, or not, and look at what comes back, of the API and of
// Git alike.
type Front func(w http.ResponseWriter, r *http.Request, next http.Handler)

// SetFront puts a front before the server, from the next request on; nil takes
// it away.
func (s *Server) SetFront(f Front) { s.front.Store(&f) }

// fronted sends a request through the front.
func (s *Server) fronted(w http.ResponseWriter, r *http.Request) {
	if f := s.front.Load(); f != nil && *f != nil {
		(*f)(w, r, s)
		return
	}
	s.ServeHTTP(w, r)
}
