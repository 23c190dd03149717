// The tests of the real world are a module of their own: the product's go.mod
// knows nothing of the servers that they start. They need no other module.
module promoter/test/e2e

go 1.26.0
