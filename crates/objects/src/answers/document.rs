//! An XML document as the places of its elements, all in one list: a page of a listing has ten thousand of them.
//!
//! It knows XML and nothing of S3.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::Event;

use crate::Error;

/// A document whose elements are all closed.
pub(super) struct Document<'a> {
    xml: &'a str,
    elements: Vec<Element<'a>>,
}

/// Where an element is. Elements are known by their number in the order in which they begin.
struct Element<'a> {
    /// Its local name.
    name: &'a str,
    /// The element around it.
    parent: Option<usize>,
    /// With its tags.
    whole: Range<usize>,
    /// Between its tags.
    content: Range<usize>,
    /// Whether other elements are in it.
    has_children: bool,
}

impl<'a> Document<'a> {
    /// Finds the elements.
    ///
    /// # Errors
    /// [`Error::BadAnswer`] for what is no XML in UTF-8.
    pub(super) fn parse(xml: &'a [u8]) -> Result<Self, Error> {
        let xml = std::str::from_utf8(xml).map_err(|_| Error::BadAnswer("XML that is not UTF-8".into()))?;
        let mut reader = Reader::from_str(xml);
        let mut elements: Vec<Element<'a>> = Vec::new();
        let mut open = None;
        loop {
            let start = position(&reader);
            match reader.read_event().map_err(|error| Error::BadAnswer(error.to_string()))? {
                Event::Start(tag) => {
                    let name_end = start + 1 + tag.name().as_ref().len();
                    let name = xml.get(name_end - tag.local_name().as_ref().len()..name_end).unwrap_or_default();
                    let inside = position(&reader);
                    has_child(&mut elements, open);
                    let place = Element {
                        name,
                        parent: open,
                        whole: start..start,
                        content: inside..inside,
                        has_children: false,
                    };
                    open = Some(elements.len());
                    elements.push(place);
                }
                Event::End(_) => {
                    let Some(element) = open.and_then(|at| elements.get_mut(at)) else { continue };
                    element.content.end = start;
                    element.whole.end = position(&reader);
                    open = element.parent;
                }
                Event::Empty(_) => has_child(&mut elements, open),
                Event::Eof if open.is_some() => return Err(Error::BadAnswer("XML that ends too soon".into())),
                Event::Eof => return Ok(Self { xml, elements }),
                _ => {}
            }
        }
    }

    /// The text it is read from.
    pub(super) fn xml(&self) -> &'a str {
        self.xml
    }

    /// The elements at `path`, outermost name first, that have no elements in them.
    pub(super) fn leaves(&self, path: &[&str]) -> impl Iterator<Item = usize> {
        self.at(path).filter(|at| !self.elements[*at].has_children)
    }

    /// The elements at `path`, outermost name first.
    pub(super) fn at(&self, path: &[&str]) -> impl Iterator<Item = usize> {
        (0..self.elements.len()).filter(move |at| self.is_at(*at, path))
    }

    /// The elements directly in `element` that have no elements in them.
    pub(super) fn leaves_in(&self, element: usize) -> impl Iterator<Item = usize> {
        let end = self.elements[element].whole.end;
        let inside = (element + 1..self.elements.len()).take_while(move |at| self.elements[*at].whole.start < end);
        inside.filter(move |at| self.elements[*at].parent == Some(element) && !self.elements[*at].has_children)
    }

    pub(super) fn name(&self, element: usize) -> &'a str {
        self.elements[element].name
    }

    /// Where the content is.
    pub(super) fn place(&self, element: usize) -> Range<usize> {
        self.elements[element].content.clone()
    }

    /// Where the element around this one is, with its tags.
    pub(super) fn place_around(&self, element: usize) -> Range<usize> {
        let around = self.elements[element].parent.unwrap_or(element);
        self.elements[around].whole.clone()
    }

    /// The content as it is written.
    pub(super) fn raw(&self, element: usize) -> &'a str {
        &self.xml[self.place(element)]
    }

    /// The content as text.
    ///
    /// # Errors
    /// [`Error::BadAnswer`] for an entity that XML does not have.
    pub(super) fn value(&self, element: usize) -> Result<Cow<'a, str>, Error> {
        unescape(self.raw(element)).map_err(|error| Error::BadAnswer(error.to_string()))
    }

    fn is_at(&self, element: usize, path: &[&str]) -> bool {
        let mut here = Some(element);
        for name in path.iter().rev() {
            let Some(at) = here else { return false };
            if self.elements[at].name != *name {
                return false;
            }
            here = self.elements[at].parent;
        }
        here.is_none()
    }
}

fn has_child(elements: &mut [Element<'_>], open: Option<usize>) {
    if let Some(element) = open.and_then(|at| elements.get_mut(at)) {
        element.has_children = true;
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_by_their_path() {
        let xml = "<a:R xmlns:a='x'><E><K>1&amp;</K><O><K>2</K></O></E><K>3</K><E><K/></E></a:R>";
        let document = Document::parse(xml.as_bytes()).unwrap();
        let values = |path: &[&str]| -> Vec<String> {
            document.leaves(path).map(|at| document.value(at).unwrap().into_owned()).collect()
        };
        assert_eq!(values(&["R", "E", "K"]), ["1&"]);
        assert_eq!(values(&["R", "K"]), ["3"]);
        assert_eq!(values(&["E", "K"]), [""; 0]);
        let entries: Vec<_> = document.at(&["R", "E"]).collect();
        let leaves = |entry| document.leaves_in(entry).map(|at| document.raw(at)).collect::<Vec<_>>();
        assert_eq!((leaves(entries[0]), leaves(entries[1])), (vec!["1&amp;"], vec![]));
        let inner = document.leaves(&["R", "E", "O", "K"]).next().unwrap();
        assert_eq!(&xml[document.place_around(inner)], "<O><K>2</K></O>");
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for xml in [b"\xff".as_slice(), b"<a></b>", b"<a><b></b>", b"<a"] {
            assert!(Document::parse(xml).is_err(), "{}", String::from_utf8_lossy(xml));
        }
    }
}
