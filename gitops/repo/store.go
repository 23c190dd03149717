package repo

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// store is the mirror on disk with the objects of commits that were not pushed
// yet in memory before it. A push writes them to disk as one pack: a commit of
// ten edits has some forty objects, and as many files cost more than all else.
type store struct {
	*filesystem.Storage
	fresh map[plumbing.Hash]plumbing.EncodedObject
	size  int64 // of the fresh ones
}

// maxFresh bounds the text of commits that were made and not pushed.
const maxFresh = 256 << 20

func openStore(dir string) *store {
	return &store{
		Storage: filesystem.NewStorageWithOptions(osfs.New(dir), cache.NewObjectLRU(32*cache.MiByte),
			filesystem.Options{KeepDescriptors: true, MaxOpenDescriptors: 64}),
		fresh: map[plumbing.Hash]plumbing.EncodedObject{},
	}
}

// EncodedObject returns an object that was made or fetched.
func (s *store) EncodedObject(t plumbing.ObjectType, h plumbing.Hash) (plumbing.EncodedObject, error) {
	if o := s.fresh[h]; o != nil && (t == plumbing.AnyObject || t == o.Type()) {
		return o, nil
	}
	return s.Storage.EncodedObject(t, h)
}

// DeltaObject is EncodedObject for the pack encoder.
func (s *store) DeltaObject(t plumbing.ObjectType, h plumbing.Hash) (plumbing.EncodedObject, error) {
	if o := s.fresh[h]; o != nil && (t == plumbing.AnyObject || t == o.Type()) {
		return o, nil
	}
	return s.Storage.DeltaObject(t, h)
}

// HasEncodedObject returns nil when an object was made or fetched.
func (s *store) HasEncodedObject(h plumbing.Hash) error {
	if s.fresh[h] != nil {
		return nil
	}
	return s.Storage.HasEncodedObject(h)
}

// EncodedObjectSize is an object's size.
func (s *store) EncodedObjectSize(h plumbing.Hash) (int64, error) {
	if o := s.fresh[h]; o != nil {
		return o.Size(), nil
	}
	return s.Storage.EncodedObjectSize(h)
}

// NewEncodedObject returns an object in memory.
func (s *store) NewEncodedObject() plumbing.EncodedObject { return &plumbing.MemoryObject{} }

// SetEncodedObject keeps an object in memory.
func (s *store) SetEncodedObject(o plumbing.EncodedObject) (plumbing.Hash, error) {
	h := o.Hash()
	if s.fresh[h] == nil {
		if s.size += o.Size(); s.size > maxFresh {
			return plumbing.ZeroHash, fmt.Errorf("commits that were not pushed hold more than %d MB", maxFresh>>20)
		}
		s.fresh[h] = o
	}
	return h, nil
}

// settle writes the pack of what was pushed to disk.
func (s *store) settle(pack []byte, list []plumbing.Hash) error {
	if len(list) == 0 {
		return nil
	}
	if err := packfile.UpdateObjectStorage(s.Storage, bytes.NewReader(pack)); err != nil && !errors.Is(err, packfile.ErrEmptyPackfile) {
		return fmt.Errorf("write mirror: %w", err)
	}
	for _, h := range list {
		if o := s.fresh[h]; o != nil {
			s.size -= o.Size()
			delete(s.fresh, h)
		}
	}
	return nil
}
