// Documents from data and data from documents; the library takes care of escaping and well-formedness.
import { DOMImplementation, DOMParser, type Document, type Element, XMLSerializer } from '@xmldom/xmldom';
import { fail } from '../../core/errors.ts';

/** A name, attributes of which absent ones are left out, and either text or children. */
export type XmlNode = {
  readonly name: string;
  readonly attributes?: Readonly<Record<string, string | number | undefined>>;
  readonly text?: string;
  readonly children?: readonly XmlNode[];
};

export function renderXml(root: XmlNode): string {
  const document = new DOMImplementation().createDocument(null, '');
  document.appendChild(elementOf(document, root));
  indent(document, document.documentElement, '\n');
  return `${new XMLSerializer().serializeToString(document)}\n`;
}

/** The texts of all elements of this name, and their attributes. */
export function findElements(xml: string, name: string): { text: string; attributes: Map<string, string> }[] {
  let document: Document;
  try {
    document = new DOMParser({ onError: level => level !== 'warning' && refuse(name) }).parseFromString(
      xml,
      'text/xml',
    );
  } catch (cause) {
    return fail('command-failed', `libvirt answered with something that is not XML, looking for ${name}`, {
      cause,
    });
  }
  return [...document.getElementsByTagName(name)].map(element => ({
    text: element.textContent ?? '',
    attributes: new Map([...element.attributes].map(({ name: key, value }) => [key, value])),
  }));
}

function refuse(name: string): never {
  return fail('command-failed', `libvirt answered with broken XML, looking for ${name}`);
}

function elementOf(document: Document, node: XmlNode): Element {
  const element = document.createElement(node.name);
  for (const [name, value] of Object.entries(node.attributes ?? {})) {
    if (value !== undefined) element.setAttribute(name, String(value));
  }
  if (node.text !== undefined) element.appendChild(document.createTextNode(node.text));
  for (const child of node.children ?? []) element.appendChild(elementOf(document, child));
  return element;
}

/** For people who look at it with virsh dumpxml, and for tests that compare it. */
function indent(document: Document, element: Element | null, line: string): void {
  const children = [...(element?.childNodes ?? [])].filter(child => child.nodeType === child.ELEMENT_NODE);
  if (element === null || children.length === 0) return;
  for (const child of children) {
    element.insertBefore(document.createTextNode(`${line}  `), child);
    indent(document, child as Element, `${line}  `);
  }
  element.appendChild(document.createTextNode(line));
}
