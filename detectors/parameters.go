package detectors

// ParameterImages adds the images that a list of name and value sets in a
// chart, as helm --set takes them ("image.tag"): read as the values that they
// make together.
func ParameterImages(list Cursor, with Pin, r *Report) {
	a := ArgoReader{File: list.File, Report: r, With: with}
	a.parameters(list)
}
